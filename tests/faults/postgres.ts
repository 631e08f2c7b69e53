// A real Postgres of a test's own, to be killed, frozen and started again on the same port. With fsync, as its kills are
// not gentle.

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { makeDatabase, type Database } from '../../lib/postgres/database.ts'
import { migrate } from '../../lib/postgres/migrate.ts'
import { startPostgres } from '../../local/services/postgres.ts'
import { waitUntil } from '../support/wait.ts'

export type TestPostgres = {
  url: string
  port: number
  database: Database
  sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
  /** Runs a statement in a transaction that stays open until `commit`. */
  hold(statement: string): Promise<{ commit(): Promise<void> }>
  /** kill -9 of the server; its sessions end with it. */
  kill(): Promise<void>
  startAgain(): Promise<void>
  /** SIGSTOP and SIGCONT for the server and every session. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

export const startTestPostgres = async (): Promise<TestPostgres> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'webhook-broker-postgres-'))
  chmodSync(dataDir, 0o755)
  let server = await startPostgres({ dataDir, fsync: true })
  const pool = new pg.Pool({ connectionString: server.url, max: 4 })
  pool.on('error', () => undefined)
  const database = makeDatabase(pool)
  await migrate(database)
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of [server.pid, ...childrenOf(server.pid)]) process.kill(pid, signal)
  }
  return {
    url: server.url,
    port: server.port,
    database,
    sql: async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      (await pool.query<Row>(text, values)).rows,
    hold: async (statement) => {
      const client = await pool.connect()
      await client.query('begin')
      await client.query(statement)
      return {
        commit: async () => {
          await client.query('commit')
          client.release()
        },
      }
    },
    kill: async () => {
      const sessions = childrenOf(server.pid)
      await server.kill()
      // The folder may be opened again only when the last session has noticed that the server is gone.
      await waitUntil(() => !sessions.some(isAlive), { message: 'the sessions to end' })
    },
    startAgain: async () => {
      server = await startPostgres({ dataDir, fsync: true, port: server.port })
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    stop: async () => {
      await database.close()
      if (isAlive(server.pid)) await server.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

const childrenOf = (parent: number): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent)

const parentOf = (pid: number): number | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
