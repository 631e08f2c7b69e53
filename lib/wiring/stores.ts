// What every role shares: the database it was given, the log, and the settings of a delivery.

import { makeAuditStore } from '../postgres/audit-store.ts'
import { makeLogReader } from '../postgres/log-reader.ts'
import { makeDeliveryLog, type ClosableDeliveryLog } from '../postgres/delivery-log.ts'
import { makeReplayStore } from '../postgres/replay-store.ts'
import { makeSweepStore } from '../postgres/sweep-store.ts'
import { makeWebhookStore } from '../postgres/webhook-store.ts'
import { makeDatabase, makePool, type Database } from '../postgres/database.ts'
import { QUEUE_HORIZON_MS } from '../broker/attempt-delivery.ts'
import type {
  AuditStore,
  Log,
  LogReader,
  ReplayStore,
  SweepStore,
  WebhookStore,
} from '../broker/ports.ts'

export type StoreSettings = {
  timeoutMs: number
  marginMs: number
  graceMs: number
  retentionDays: number
}

export type Stores = {
  database: Database
  webhooks: WebhookStore
  deliveryLog: ClosableDeliveryLog
  reader: LogReader
  sweepStore: SweepStore
  audits: AuditStore
  replays: ReplayStore
}

/** The stores over one database. One per process, so that group commit works across all its callers. */
export const makeStores = (database: Database, settings: StoreSettings): Stores => ({
  database,
  webhooks: makeWebhookStore(database),
  deliveryLog: makeDeliveryLog(database, { ...settings, queueHorizonMs: QUEUE_HORIZON_MS }),
  reader: makeLogReader(database),
  sweepStore: makeSweepStore(database, { ...settings, queueHorizonMs: QUEUE_HORIZON_MS }),
  audits: makeAuditStore(database),
  replays: makeReplayStore(database, settings.graceMs),
})

/** Opens a server's database. @param role names the process in pg_stat_activity */
export const openDatabase = (
  settings: { url: string; maxConnections: number; role: string },
  log: Log,
): Database =>
  makeDatabase(makePool({ ...settings, applicationName: `webhook-broker-${settings.role}` }, log))
