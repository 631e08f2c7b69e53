// The servers of the benchmark: a Redis that writes its append-only file every second, and a Postgres with fsync that is
// tuned as the smallest managed ones are. Real ones, in a folder of their own.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { makeDatabase, type Database } from '../lib/postgres/database.ts'
import { migrate } from '../lib/postgres/migrate.ts'
import { startPostgres } from '../local/services/postgres.ts'
import { startRedis } from '../local/services/redis.ts'

/** What a managed Postgres of 2 cores and 2 GB is set to. Recorded with every result. */
export const POSTGRES_SETTINGS = [
  'shared_buffers=512MB',
  'effective_cache_size=1GB',
  'max_wal_size=2GB',
  'checkpoint_timeout=5min',
  'checkpoint_completion_target=0.9',
  'random_page_cost=1.1',
  'shared_preload_libraries=pg_stat_statements',
] as const

export type Services = {
  redis: { url: string; pid: number }
  /** `url` is for the broker; the benchmark's own statements come as another user, so that they are not counted. */
  postgres: { url: string; pid: number }
  database: Database
  sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
  stop(): Promise<void>
}

export const startServices = async (): Promise<Services> => {
  const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-bench-'))
  // A run that is broken off leaves nothing either: the servers end with this process (local/services/process.ts).
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  // The user that Postgres runs as has to pass.
  chmodSync(folder, 0o755)
  const [redis, postgres] = await Promise.all([
    startRedis({ dataDir: join(folder, 'redis'), persistence: 'aof' }),
    startPostgres({
      dataDir: join(folder, 'postgres'),
      fsync: true,
      settings: POSTGRES_SETTINGS,
    }),
  ])
  const owner = new pg.Pool({ connectionString: postgres.url, max: 1 })
  await owner.query('create role bench superuser login')
  await owner.query('create extension pg_stat_statements')
  await migrate(makeDatabase(owner))
  await owner.end()
  const pool = new pg.Pool({ connectionString: postgres.url.replace('broker@', 'bench@'), max: 2 })
  // The server ends what is idle when it stops.
  pool.on('error', () => undefined)
  return {
    redis,
    postgres,
    database: makeDatabase(pool),
    sql: async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      (await pool.query<Row>(text, values)).rows,
    stop: async () => {
      await pool.end()
      await Promise.all([redis.stop(), postgres.stop()])
      process.off('exit', remove)
      remove()
    },
  }
}
