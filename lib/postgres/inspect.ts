// What `webhook-broker doctor` asks a database. It changes nothing.

import type { Database } from './database.ts'
import { pendingMigrations } from './migrate.ts'

export type DatabaseFacts = {
  version: string
  /** The clock that leases, due times and webhook-timestamp come from. */
  nowMs: number
  fsync: string
  synchronousCommit: string
  /** Migrations that it lacks. */
  pending: string[]
  /** Undefined while migrations are missing. */
  state: BrokerState | undefined
}

export type BrokerState = {
  lastSweepAtMs: number | null
  /** When the delivery that has been due for longest became due. */
  oldestDueAtMs: number | null
  /** One sealed signing secret, to be opened with the configured keys. */
  sealed: { webhookId: string; secret: string } | undefined
}

type Settings = { version: string; now: Date; fsync: string; commit: string }

/** @throws BrokerError `log_unavailable` when it does not answer */
export const inspectDatabase = async (database: Database): Promise<DatabaseFacts> => {
  const [settings] = await database.query<Settings>(
    `select current_setting('server_version') as version, clock_timestamp() as now,
       current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`,
    [],
  )
  if (settings === undefined) throw new Error('no settings')
  const pending = await pendingMigrations(database)
  return {
    version: settings.version,
    nowMs: settings.now.getTime(),
    fsync: settings.fsync,
    synchronousCommit: settings.commit,
    pending,
    state: pending.length === 0 ? await readState(database) : undefined,
  }
}

const readState = async (database: Database): Promise<BrokerState> => {
  const [state] = await database.query<{ swept: Date | null; due: Date | number | null }>(
    `select (select last_sweep_at from broker_state) as swept,
       (select due_at from deliveries where finished_at is null order by due_at limit 1) as due`,
    [],
  )
  const [sealed] = await database.query<{ webhookId: string; secret: string }>(
    `select id as "webhookId", secret from webhooks where deleted_at is null
     order by created_at desc limit 1`,
    [],
  )
  return {
    lastSweepAtMs: state?.swept?.getTime() ?? null,
    // A number stands for infinity: what waits until somebody acts is not late.
    oldestDueAtMs: state?.due instanceof Date ? state.due.getTime() : null,
    sealed,
  }
}
