// What Postgres holds, in memory, for tests of use cases: the state that the fake stores share, under a clock that the
// test moves. The contract suites hold the fakes to what the real stores do.

import type { Admissions, AttemptView } from '../../../lib/broker/ports.ts'
import type { DeadReason, DeliveryStatus, ParkReason } from '../../../lib/domain/delivery.ts'
import { BrokerError } from '../../../lib/domain/errors.ts'
import type { NotedEvent } from '../../../lib/domain/operational-event.ts'
import type { Webhook } from '../../../lib/domain/webhook.ts'

export type WebhookRow = Webhook & {
  secret: string
  previousSecret: string | null
  previousSecretUntilMs: number
  deleted: boolean
}

export type MessageRow = {
  id: string
  tenant: string
  eventName: string
  contentType: string
  payload: Uint8Array
  matched: number
  traceparent: string | null
  createdAtMs: number
}

export type KeyRow = {
  messageId: string
  eventName: string
  payloadHash: string
  matched: number
  expiresAtMs: number
}

/** Times in ms since 1970 by the clock of the world; `Infinity` where somebody has to act first. */
export type DeliveryRow = {
  id: string
  tenant: string
  messageId: string
  webhookId: string
  eventName: string
  status: DeliveryStatus
  parked: ParkReason | null
  deadReason: DeadReason | null
  series: number
  attemptCount: number
  stepsUsed: number
  crashCount: number
  probes: number
  generation: number
  lastStale: boolean
  released: boolean
  claimToken: string | null
  claimedAtMs: number
  leaseUntilMs: number | null
  nextAttemptAtMs: number
  dueAtMs: number
  createdAtMs: number
  firstDeliveredAtMs: number | null
  finishedAtMs: number | null
}

export type HealthRow = {
  state: 'closed' | 'open' | 'ramping'
  openUntilMs: number | null
  opens: number
  probeId: string | null
  failingSinceMs: number | null
  released: number
  changedAtMs: number
}

export type WorldSettings = {
  timeoutMs: number
  marginMs: number
  graceMs: number
  retentionDays: number
  queueHorizonMs: number
  stuckMs: number
}

export type World = {
  settings: WorldSettings
  nowMs(): number
  /** False: every statement fails with `log_unavailable`, as when Postgres is away. */
  up: boolean
  /** Routing versions by tenant. */
  versions: Map<string, number>
  webhooks: Map<string, WebhookRow>
  messages: Map<string, MessageRow>
  /** By tenant, a line break and the key. */
  keys: Map<string, KeyRow>
  deliveries: Map<string, DeliveryRow>
  /** By delivery id. */
  attempts: Map<string, AttemptView[]>
  /** By webhook. */
  health: Map<string, HealthRow>
  /** Noted and not yet published. */
  events: Map<string, NotedEvent & { nextAtMs: number }>
  /** What the process that claims may take. */
  admissions: Admissions
  incarnation: number
  lastSweepAtMs: number | null
}

/** @param nowMs the database clock */
export const makeWorld = (
  nowMs: () => number,
  settings: WorldSettings,
  admissions: Admissions,
): World => ({
  admissions,
  settings,
  nowMs,
  up: true,
  versions: new Map(),
  webhooks: new Map(),
  messages: new Map(),
  keys: new Map(),
  deliveries: new Map(),
  attempts: new Map(),
  health: new Map(),
  events: new Map(),
  incarnation: 0,
  lastSweepAtMs: null,
})

/** Runs one statement: at once and whole, since nothing in it waits. */
export const statement = <T>(world: World, run: () => T): Promise<T> =>
  world.up
    ? Promise.resolve().then(run)
    : Promise.reject(new BrokerError('log_unavailable', 'the delivery log did not confirm'))

/** The webhook of a delivery; there are no deliveries without one. */
export const webhookOf = (world: World, { webhookId }: { webhookId: string }): WebhookRow => {
  const webhook = world.webhooks.get(webhookId)
  if (webhook === undefined) throw new Error(`no webhook ${webhookId}`)
  return webhook
}

/** Open deliveries, by id. */
export const openDeliveries = (world: World): DeliveryRow[] =>
  [...world.deliveries.values()]
    .filter(({ finishedAtMs }) => finishedAtMs === null)
    .sort((a, b) => (a.id < b.id ? -1 : 1))

/** Notes that the newest attempt of a delivery ended without anybody recording how. */
export const writeUnknown = (world: World, row: DeliveryRow): void => {
  const attempts = world.attempts.get(row.id) ?? []
  if (attempts.some(({ number }) => number === row.attemptCount)) return
  attempts.push({
    number: row.attemptCount,
    series: row.series,
    startedAt: new Date(row.claimedAtMs),
    finishedAt: null,
    durationMs: null,
    outcome: 'unknown',
    code: null,
    statusCode: null,
    responseHeaders: null,
    responseBody: null,
    detail: null,
  })
  world.attempts.set(row.id, attempts)
}
