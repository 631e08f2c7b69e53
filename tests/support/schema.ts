// A schema of its own for each test file, so that files run side by side on one Postgres.

import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { makeDatabase, type Database } from '../../lib/postgres/database.ts'
import { migrate } from '../../lib/postgres/migrate.ts'

export type TestSchema = {
  /** Connections made with it see this schema only. */
  url: string
  database: Database
  /** For a test that looks at rows or moves their times. */
  sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
  drop(): Promise<void>
}

/** A random key prefix for Redis. */
export const randomPrefix = (): string => `test-${randomBytes(6).toString('hex')}`

/** Makes a migrated schema. @param databaseUrl `inject('databaseUrl')` */
export const makeSchema = async (databaseUrl: string): Promise<TestSchema> => {
  const name = `test_${randomBytes(6).toString('hex')}`
  const admin = new pg.Client({ connectionString: databaseUrl })
  await admin.connect()
  await admin.query(`create schema ${name}`)
  const url = `${databaseUrl}?options=${encodeURIComponent(`-c search_path=${name}`)}`
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  pool.on('error', () => undefined)
  const database = makeDatabase(pool)
  await migrate(database)
  return {
    url,
    database,
    sql: async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      (await pool.query<Row>(text, values)).rows,
    drop: async () => {
      await database.close()
      await admin.query(`drop schema ${name} cascade`)
      await admin.end()
    },
  }
}
