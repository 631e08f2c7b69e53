// What every role shares: the database it was given, the log, and the settings of a delivery.

import { makeBulkReplayStore } from '../postgres/bulk-replay-store.ts'
import { makeAuditRounds } from '../postgres/audit-rounds.ts'
import { makeAuditStore } from '../postgres/audit-store.ts'
import { makeLogReader } from '../postgres/log-reader.ts'
import { makeDeliveryLog, type ClosableDeliveryLog } from '../postgres/delivery-log.ts'
import { makeReadBrokerState } from '../postgres/broker-state.ts'
import { makeHealthStore } from '../postgres/health-store.ts'
import { makeOperationalEventStore } from '../postgres/operational-events.ts'
import { makeReplayStore } from '../postgres/replay-store.ts'
import { makeStatsStore } from '../postgres/stats-store.ts'
import { makeSweepStore } from '../postgres/sweep-store.ts'
import { makeWebhookStore } from '../postgres/webhook-store.ts'
import { makeDatabase, makePool, type Database } from '../postgres/database.ts'
import { QUEUE_HORIZON_MS } from '../broker/attempt-delivery.ts'
import { REPLAYS_PER_SECOND } from '../broker/replay-many.ts'
import { makeWebhookGate, type WebhookGate } from '../broker/webhook-gate.ts'
import type {
  AuditRounds,
  AuditStore,
  BulkReplayStore,
  HealthStore,
  Log,
  LogReader,
  OperationalEventStore,
  ReadBrokerState,
  ReplayStore,
  StatsStore,
  SweepStore,
  WebhookStore,
} from '../broker/ports.ts'
import { systemClock } from './runtime.ts'

export type StoreSettings = {
  timeoutMs: number
  marginMs: number
  graceMs: number
  retentionDays: number
  /** BROKER_WORKER_CONCURRENCY and BROKER_BREAKER_FAILURES */
  concurrency: number
  breakerFailures: number
}

export type Stores = {
  database: Database
  webhooks: WebhookStore
  deliveryLog: ClosableDeliveryLog
  reader: LogReader
  sweepStore: SweepStore
  audits: AuditStore
  auditRounds: AuditRounds
  stats: StatsStore
  brokerState: ReadBrokerState
  replays: ReplayStore
  bulkReplays: BulkReplayStore
  health: HealthStore
  operationalEvents: OperationalEventStore
  /** What this process has under way for each webhook. */
  gate: WebhookGate
}

/** The stores over one database. One per process, so that group commit and the gate work across all its callers. */
export const makeStores = (database: Database, settings: StoreSettings): Stores => {
  const gate = makeWebhookGate(settings, systemClock.elapsedMs)
  const times = {
    ...settings,
    queueHorizonMs: QUEUE_HORIZON_MS,
    stuckMs: settings.timeoutMs + settings.marginMs + settings.graceMs,
  }
  return {
    database,
    gate,
    webhooks: makeWebhookStore(database),
    deliveryLog: makeDeliveryLog(database, { ...times, admissions: gate }),
    reader: makeLogReader(database),
    sweepStore: makeSweepStore(database, times),
    audits: makeAuditStore(database),
    auditRounds: makeAuditRounds(database),
    stats: makeStatsStore(database, settings),
    brokerState: makeReadBrokerState(database),
    replays: makeReplayStore(database, settings.graceMs),
    bulkReplays: makeBulkReplayStore(database, {
      graceMs: settings.graceMs,
      perSecond: REPLAYS_PER_SECOND,
    }),
    health: makeHealthStore(database, settings.graceMs),
    operationalEvents: makeOperationalEventStore(database),
  }
}

/**
 * Opens a server's database.
 *
 * @param settings `role` names the process in pg_stat_activity; `keepPlans`: see RunnerSettings
 */
export const openDatabase = (
  settings: { url: string; maxConnections: number; role: string; keepPlans?: boolean },
  log: Log,
): Database => {
  const pool = makePool({ ...settings, applicationName: `webhook-broker-${settings.role}` }, log)
  return makeDatabase(pool, { keepPlans: settings.keepPlans ?? true, log })
}
