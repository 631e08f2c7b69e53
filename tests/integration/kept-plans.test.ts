// Hot statements are prepared once per connection. A transaction pooler that loses them must cost one warning, nothing else.

import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { makeDatabase, type Database } from '../../lib/postgres/database.ts'
import { makeSchema, type TestSchema } from '../support/schema.ts'

const TWICE = 'select $1::int * 2 as twice'
const PREPARED = `select count(*)::int as count from pg_prepared_statements where statement = $1`

let schema: TestSchema
let database: Database
let warnings: string[]
const open: Database[] = []

const openDatabase = (keepPlans: boolean): Database => {
  const pool = new pg.Pool({ connectionString: schema.url, max: 1 })
  const opened = makeDatabase(pool, {
    keepPlans,
    log: { warn: (event) => warnings.push(event) },
  })
  open.push(opened)
  return opened
}

const twice = async (value: number) =>
  (await database.query<{ twice: number }>(TWICE, [value], 'kept'))[0]?.twice

const prepared = async () => (await database.query<{ count: number }>(PREPARED, [TWICE]))[0]?.count

beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
})
beforeEach(() => {
  warnings = []
  database = openDatabase(true)
})
afterAll(async () => {
  for (const opened of open) await opened.close()
  await schema.drop()
})

describe('a statement whose plan is kept', () => {
  it('is prepared once on its connection and gives the same rows each time', async () => {
    expect([await twice(1), await twice(21)]).toEqual([2, 42])
    expect(await prepared()).toBe(1)
  })

  it('is planned anew as it is sent more often, since tables grow, and holds one plan at a time', async () => {
    const names = async () =>
      (
        await database.query<{ name: string }>(
          'select name from pg_prepared_statements where statement = $1',
          [TWICE],
        )
      ).map(({ name }) => name.replace(/^broker_[0-9a-f]{16}_/, ''))
    const send = async (times: number) => {
      for (let n = 0; n < times; n += 1) await twice(n)
    }
    await send(16)
    expect(await names()).toEqual(['1'])
    await send(1)
    expect(await names()).toEqual(['2'])
    await send(64 - 17)
    expect(await names()).toEqual(['2'])
    await send(1)
    expect(await names()).toEqual(['3'])
  })

  it('is not prepared where plans are not kept', async () => {
    database = openDatabase(false)
    expect(await twice(21)).toBe(42)
    expect(await prepared()).toBe(0)
  })

  it('goes on without its plan when the server has lost it, and says so once', async () => {
    await twice(1)
    // What a pooler does that gives our connection another session of the server.
    await database.query('deallocate all', [])
    expect([await twice(4), await twice(5)]).toEqual([8, 10])
    expect(warnings).toEqual(['postgres.plans_not_kept'])
    expect(await prepared()).toBe(0)
  })

  it('goes on without its plan when the session holds one of its name already', async () => {
    await twice(1)
    const [row] = await database.query<{ name: string }>(
      'select name from pg_prepared_statements where statement = $1',
      [TWICE],
    )
    database = openDatabase(true)
    await database.query(`prepare ${row?.name ?? ''} as select 1`, [])
    expect(await twice(6)).toBe(12)
    expect(warnings).toEqual(['postgres.plans_not_kept'])
  })

  it('reports what a server says of a bad value, and stays prepared', async () => {
    await twice(1)
    await expect(database.query(TWICE, ['x'], 'kept')).rejects.toMatchObject({
      code: 'internal_error',
    })
    expect(await twice(2)).toBe(4)
    expect(warnings).toEqual([])
  })
})
