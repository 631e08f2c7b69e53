// The stores under test, whatever they stand on, and what every contract test begins with.

import { QUEUE_HORIZON_MS } from '../../lib/broker/attempt-delivery.ts'
import type {
  Accepted,
  AcceptInput,
  AuditStore,
  Claim,
  ClaimOutcome,
  DeliveryLog,
  HealthStore,
  LogReader,
  OperationalEventStore,
  ReplayStore,
  SweepStore,
  WebhookStore,
} from '../../lib/broker/ports.ts'
import { makeWebhookGate, type WebhookGate } from '../../lib/broker/webhook-gate.ts'
import type { Plan, SendOutcome } from '../../lib/domain/attempt.ts'
import type { Database } from '../../lib/postgres/database.ts'
import { makeIds, makeRandom, systemClock } from '../../lib/wiring/runtime.ts'
import { makeStores, type Stores } from '../../lib/wiring/stores.ts'
import { makeFakeDeliveryLog } from './fakes/delivery-log.ts'
import { makeFakeHealthStore } from './fakes/health-store.ts'
import { makeFakeAuditStore, makeFakeLogReader } from './fakes/log-reader.ts'
import { makeFakeOperationalEventStore } from './fakes/operational-events.ts'
import { makeFakeSweepStore } from './fakes/sweep-store.ts'
import { makeFakeWebhookStore } from './fakes/webhook-store.ts'
import { worldHands } from './fakes/world-hands.ts'
import { makeFakeReplayStore } from './fakes/world-replays.ts'
import { makeWorld, type World } from './fakes/world.ts'
import { sqlHands, type RunSql, type StoreHands } from './store-hands.ts'

/** The ports of Postgres. */
export type StorePorts = {
  webhooks: WebhookStore
  deliveryLog: DeliveryLog
  reader: LogReader
  sweepStore: SweepStore
  audits: AuditStore
  replays: ReplayStore
  health: HealthStore
  operationalEvents: OperationalEventStore
  gate: WebhookGate
}

/** What a contract suite sees: ports, and hands that move time. */
export type Rig = StorePorts & StoreHands & { close(): Promise<void> }

/** The rig over a real database, for tests that speak SQL themselves. */
export type StoreRig = Stores & StoreHands & { sql: RunSql; close(): Promise<void> }

export type MakeRig = () => Promise<Rig>

export const SETTINGS = {
  timeoutMs: 1_000,
  marginMs: 500,
  graceMs: 30_000,
  retentionDays: 30,
  concurrency: 100,
  // No breaker: what a test does to the log is not what a receiver does.
  breakerFailures: 0,
}

/** @param sql runs a statement of the test's own */
export const rigOver = (
  database: Database,
  sql: StoreRig['sql'],
  close: StoreRig['close'],
): StoreRig => ({ ...makeStores(database, SETTINGS), ...sqlHands(sql), sql, close })

/** @param nowMs the database clock, which the test moves */
export const makeFakeStores = (nowMs: () => number): StorePorts & StoreHands & { world: World } => {
  const gate = makeWebhookGate(SETTINGS, nowMs)
  const stuckMs = SETTINGS.timeoutMs + SETTINGS.marginMs + SETTINGS.graceMs
  const world = makeWorld(nowMs, { ...SETTINGS, queueHorizonMs: QUEUE_HORIZON_MS, stuckMs }, gate)
  return {
    world,
    gate,
    health: makeFakeHealthStore(world),
    operationalEvents: makeFakeOperationalEventStore(world),
    webhooks: makeFakeWebhookStore(world),
    deliveryLog: makeFakeDeliveryLog(world),
    reader: makeFakeLogReader(world),
    sweepStore: makeFakeSweepStore(world),
    audits: makeFakeAuditStore(world),
    replays: makeFakeReplayStore(world),
    ...worldHands(world),
  }
}

export const ids = makeIds(systemClock, makeRandom())

let events = 0
/** An event name that no other test uses. */
export const freshEvent = (): string => `event-${(events += 1)}`

export const registered = async (
  rig: Pick<StorePorts, 'webhooks'>,
  eventName: string,
  [webhookUrl = 'http://127.0.0.1:4000/h', tenant = 'default']: [
    url?: string,
    tenant?: string,
  ] = [],
) => {
  const { webhook } = await rig.webhooks.register({
    id: ids.webhook(),
    tenant,
    eventName,
    webhookUrl,
    description: null,
    headers: { 'x-a': '1' },
    timeoutMs: null,
    rateLimit: null,
    maxInFlight: null,
    sealedSecret: 'plain:one',
  })
  return webhook
}

export const triggerOf = (eventName: string, change: Partial<AcceptInput> = {}): AcceptInput => ({
  messageId: ids.message(),
  tenant: 'default',
  eventName,
  contentType: 'application/json',
  payload: Buffer.from('{"s":"a\\u0000b"}'),
  idempotency: null,
  route: undefined,
  traceparent: null,
  ...change,
})

/** A webhook and one delivery to it. */
export const delivery = async (
  rig: Pick<StorePorts, 'webhooks' | 'deliveryLog'>,
): Promise<{ id: string; webhookId: string; eventName: string; accepted: Accepted }> => {
  const eventName = freshEvent()
  const webhook = await registered(rig, eventName)
  const accepted = await rig.deliveryLog.accept(triggerOf(eventName))
  return { id: accepted.deliveryIds[0] ?? '', webhookId: webhook.id, eventName, accepted }
}

/** A webhook with so many deliveries, in the order of their ids. */
export const webhookOf = async (
  rig: Pick<StorePorts, 'webhooks' | 'deliveryLog'>,
  count: number,
): Promise<{ webhookId: string; eventName: string; ids: string[] }> => {
  const eventName = freshEvent()
  const { id: webhookId } = await registered(rig, eventName)
  const ids: string[] = []
  for (let n = 0; n < count; n += 1)
    ids.push(...(await rig.deliveryLog.accept(triggerOf(eventName))).deliveryIds)
  return { webhookId, eventName, ids: ids.sort() }
}

export const claimOf = (outcome: ClaimOutcome): Claim => {
  if (outcome.kind !== 'claimed') throw new Error(`not claimed: ${JSON.stringify(outcome)}`)
  return outcome.claim
}

export const answered = (statusCode: number, body = new Uint8Array()): SendOutcome => ({
  kind: 'answered',
  response: { statusCode, headers: { 'content-type': 'text/plain' }, body, bodyBroken: false },
})

export const retryIn = (delayMs: number): Plan => ({ kind: 'retry', delayMs, usesStep: true })
export const DELIVERED: Plan = { kind: 'delivered' }
export const GONE: Plan = { kind: 'dead', reason: 'gone', disablesWebhook: true }
export const DEAD: Plan = { kind: 'dead', reason: 'schedule_exhausted', disablesWebhook: false }

export const record = (
  rig: Pick<StorePorts, 'deliveryLog'>,
  claim: Claim,
  [outcome, plan]: [SendOutcome, Plan],
) => rig.deliveryLog.record({ claim, outcome, plan, durationMs: 12.4 })
