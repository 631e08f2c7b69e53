// Several processes on one Postgres, and a transaction that a test holds open, so that a race is set up and not hoped for.

import pg from 'pg'
import { onTestFinished } from 'vitest'
import type { Database } from '../../lib/postgres/database.ts'
import { makeStores, type Stores } from '../../lib/wiring/stores.ts'
import type { TestSchema } from './schema.ts'
import { SETTINGS } from './store-rig.ts'
import { waitUntil } from './wait.ts'

/** The stores of another process. What callers of one process share, its batches above all, is not shared with it. */
export const anotherProcess = (database: Database): Stores => makeStores(database, SETTINGS)

export type HeldTransaction = {
  /** The hot statements, run inside the transaction. */
  stores: Pick<Stores, 'deliveryLog' | 'sweepStore'>
  sql(text: string, values?: unknown[]): Promise<void>
  /** Resolves when so many other sessions wait for what this transaction has locked. */
  blocks(sessions: number): Promise<void>
  commit(): Promise<void>
  rollBack(): Promise<void>
}

/** Begins a transaction on a connection of its own; it ends with `commit` or `rollBack`, or with the test. */
export const holdTransaction = async (schema: TestSchema): Promise<HeldTransaction> => {
  const client = new pg.Client({ connectionString: schema.url })
  await client.connect()
  await client.query('begin')
  const [own] = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows
  let open = true
  const end = async (how: 'commit' | 'rollback') => {
    open = false
    await client.query(how)
    await client.end()
  }
  // A test that failed in between must not leave its locks to the next one.
  onTestFinished(() => (open ? end('rollback') : undefined))
  const inside: Database = {
    ...schema.database,
    query: async <Row>(text: string, values: readonly unknown[]) =>
      (await client.query(text, [...values])).rows as Row[],
  }
  return {
    stores: makeStores(inside, SETTINGS),
    sql: async (text, values = []) => {
      await client.query(text, values)
    },
    blocks: async (sessions) => {
      const isReached = async () => {
        const [row] = await schema.sql<{ count: number }>(
          'select count(*)::int as count from pg_stat_activity where $1 = any(pg_blocking_pids(pid))',
          [own?.pid],
        )
        return (row?.count ?? 0) >= sessions
      }
      await waitUntil(isReached, { message: `${sessions} sessions that wait for the transaction` })
    },
    commit: () => end('commit'),
    rollBack: () => end('rollback'),
  }
}
