// Migrations meet databases that hold rows. A database of the first version, with a webhook and deliveries in every
// state, must come through with what it held.

import { randomBytes } from 'node:crypto'
import { Kysely, Migrator, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { makeDatabase, type Database } from '../../lib/postgres/database.ts'
import { migrate, pendingMigrations } from '../../lib/postgres/migrate.ts'
import * as initial from '../../lib/postgres/migrations/0001-initial.ts'
import { makeSchema } from '../support/schema.ts'

const SCHEMA = `test_${randomBytes(6).toString('hex')}`

let admin: pg.Client
let pool: pg.Pool
let database: Database
beforeAll(async () => {
  const url = inject('databaseUrl')
  admin = new pg.Client({ connectionString: url })
  await admin.connect()
  await admin.query(`create schema ${SCHEMA}`)
  const options = encodeURIComponent(`-c search_path=${SCHEMA}`)
  pool = new pg.Pool({ connectionString: `${url}?options=${options}`, max: 2 })
  const { error } = await new Migrator({
    db: new Kysely({ dialect: new PostgresDialect({ pool }) }),
    provider: { getMigrations: () => Promise.resolve({ '0001-initial': initial }) },
    migrationTableSchema: SCHEMA,
  }).migrateToLatest()
  if (error !== undefined) throw error as Error
  database = makeDatabase(pool)
})
afterAll(async () => {
  await database.close()
  await admin.query(`drop schema ${SCHEMA} cascade`)
  await admin.end()
})

const fill = async () => {
  await pool.query("insert into tenants (id, routing_version) values ('default', 1)")
  await pool.query(`insert into webhooks (id, tenant, event_name, url, headers, secret)
    values ('wh_1', 'default', 'e', 'http://127.0.0.1/h', '{}', 'plain:one')`)
  await pool.query(`insert into messages (id, tenant, event_name, content_type, payload, matched, created_at)
    values ('msg_1', 'default', 'e', 'application/json', '{}', 3, now())`)
  await pool.query(`insert into deliveries
      (id, tenant, message_id, webhook_id, event_name, status, next_attempt_at, due_at, created_at, finished_at)
    values
      ('dlv_1', 'default', 'msg_1', 'wh_1', 'e', 'pending', now(), now(), now(), null),
      ('dlv_2', 'default', 'msg_1', 'wh_1', 'e', 'retrying', now() + interval '1 hour', now() + interval '1 hour', now(), null),
      ('dlv_3', 'default', 'msg_1', 'wh_1', 'e', 'delivered', now(), now(), now(), now())`)
}

test('a database of the first version that holds rows becomes one of this version, and is then up to date', async () => {
  await fill()
  expect((await migrate(database))[0]).toBe('0002-generation')
  expect(await migrate(database)).toEqual([])
  const { rows } = await pool.query('select id, status, generation from deliveries order by id')
  expect(rows).toEqual([
    { id: 'dlv_1', status: 'pending', generation: 0 },
    { id: 'dlv_2', status: 'retrying', generation: 0 },
    { id: 'dlv_3', status: 'delivered', generation: 0 },
  ])
})

test('reading and applying them goes on while somebody else drops schemas of the same database', async () => {
  const somebody = new pg.Client({ connectionString: inject('databaseUrl') })
  await somebody.connect()
  let dropped = 0
  let going = true
  const dropping = async () => {
    while (going) {
      const name = `dropped_${randomBytes(6).toString('hex')}`
      await somebody.query(
        `create schema ${name} create table t (id serial primary key, a text, b text)`,
      )
      await somebody.query(`drop schema ${name} cascade`)
      dropped += 1
    }
  }
  const dropper = dropping()
  try {
    for (let n = 0; n < 30; n += 1) {
      const schema = await makeSchema(inject('databaseUrl'))
      expect(await pendingMigrations(schema.database)).toEqual([])
      await schema.drop()
    }
  } finally {
    going = false
    await dropper
    await somebody.end()
  }
  expect(dropped).toBeGreaterThan(30)
})
