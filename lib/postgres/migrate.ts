// Applies the migrations, one process at a time (Kysely takes a lock). Never called by a function at cold start.

import { Migrator, sql } from 'kysely'
import { BrokerError } from '../domain/errors.ts'
import type { Database } from './database.ts'
import { sqlState } from './statement.ts'
import * as initial from './migrations/0001-initial.ts'
import * as generation from './migrations/0002-generation.ts'
import * as isolation from './migrations/0003-isolation.ts'
import * as replays from './migrations/0004-replays.ts'
import * as reads from './migrations/0005-reads.ts'
import * as audit from './migrations/0007-audit.ts'
import * as events from './migrations/0008-events.ts'
import * as roomForClaims from './migrations/0009-room-for-claims.ts'

const MIGRATIONS = {
  '0001-initial': initial,
  '0002-generation': generation,
  '0003-isolation': isolation,
  '0004-replays': replays,
  '0005-reads': reads,
  // There never was a 0006.
  '0007-audit': audit,
  '0008-events': events,
  '0009-room-for-claims': roomForClaims,
}

/** @returns the names of the migrations that were applied now; empty when the schema was up to date */
export const migrate = async (database: Database): Promise<string[]> => {
  const { error, results = [] } = await pastDrops(async () => {
    const ended = await (await makeMigrator(database)).migrateToLatest()
    // Without results none was begun. One that failed by itself fails again.
    if (ended.results === undefined && isSomebodysDrop(ended.error)) throw ended.error
    return ended
  })
  if (error !== undefined) {
    const failed = results.find((result) => result.status === 'Error')?.migrationName
    const what = failed === undefined ? 'the migrations cannot begin' : `migration ${failed} failed`
    throw new BrokerError('internal_error', what, { cause: error })
  }
  return results.filter((r) => r.status === 'Success').map((r) => r.migrationName)
}

/** Changes nothing. @returns the names of the migrations that this database lacks, all of them on an empty one */
export const pendingMigrations = async (database: Database): Promise<string[]> => {
  const migrations = await pastDrops(async () => (await makeMigrator(database)).getMigrations())
  return migrations.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name)
}

// Kysely reads the tables of all schemas; one that somebody else drops meanwhile fails the reading, before anything is applied.
const DROPPED = new Set(['3F000', '42P01'])
const MAX_TRIES = 20

const isSomebodysDrop = (error: unknown): boolean => DROPPED.has(sqlState(error) ?? '')

const pastDrops = async <T>(run: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run()
    } catch (error) {
      if (tries >= MAX_TRIES || !isSomebodysDrop(error)) throw error
    }
  }
}

const makeMigrator = async ({ kysely }: Database): Promise<Migrator> => {
  // Kysely looks for its own table in every schema unless it is told which.
  const { rows } = await sql<{ schema: string | null }>`select current_schema() as schema`.execute(
    kysely,
  )
  return new Migrator({
    db: kysely,
    provider: { getMigrations: () => Promise.resolve(MIGRATIONS) },
    migrationTableSchema: rows[0]?.schema ?? 'public',
  })
}
