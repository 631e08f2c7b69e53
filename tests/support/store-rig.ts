// The stores over a real database, and what a test needs to move time: rows are dated back, nobody waits.

import type { Accepted, AcceptInput, Claim, ClaimOutcome } from '../../lib/broker/ports.ts'
import type { Plan, SendOutcome } from '../../lib/domain/attempt.ts'
import type { Database } from '../../lib/postgres/database.ts'
import { makeIds, makeRandom, systemClock } from '../../lib/wiring/runtime.ts'
import { makeStores, type Stores } from '../../lib/wiring/stores.ts'

export type StoreRig = Stores & {
  sql<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>
  close(): Promise<void>
}

export type MakeRig = () => Promise<StoreRig>

export const SETTINGS = { timeoutMs: 1_000, marginMs: 500, graceMs: 30_000, retentionDays: 30 }

/** @param sql runs a statement of the test's own */
export const rigOver = (
  database: Database,
  sql: StoreRig['sql'],
  close: StoreRig['close'],
): StoreRig => ({ ...makeStores(database, SETTINGS), sql, close })

export const ids = makeIds(systemClock, makeRandom())

let events = 0
/** An event name that no other test uses. */
export const freshEvent = (): string => `event-${(events += 1)}`

export const registered = async (
  rig: StoreRig,
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
  rig: StoreRig,
): Promise<{ id: string; webhookId: string; eventName: string; accepted: Accepted }> => {
  const eventName = freshEvent()
  const webhook = await registered(rig, eventName)
  const accepted = await rig.deliveryLog.accept(triggerOf(eventName))
  return { id: accepted.deliveryIds[0] ?? '', webhookId: webhook.id, eventName, accepted }
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
export const DEAD: Plan = { kind: 'dead', reason: 'schedule_exhausted', disablesWebhook: false }

export const record = (rig: StoreRig, claim: Claim, [outcome, plan]: [SendOutcome, Plan]) =>
  rig.deliveryLog.record({ claim, outcome, plan, durationMs: 12.4 })

/** The worker of a delivery died: its lease has ended. */
export const expireLease = (rig: StoreRig, id: string) =>
  rig.sql("update deliveries set lease_until = now() - interval '1 second' where id = $1", [id])

export const makeDueNow = (rig: StoreRig, id: string) =>
  rig.sql(
    "update deliveries set due_at = now() - interval '1 second', next_attempt_at = least(next_attempt_at, now()) where id = $1",
    [id],
  )

type Row = {
  status: string
  attempt_count: number
  crash_count: number
  steps_used: number
  dead_reason: string | null
  parked: string | null
  series: number
  due_in: number
  next_in: number
  leased: boolean
}

/** A delivery's row; times in seconds from now, rounded. */
export const rowOf = async (rig: StoreRig, id: string): Promise<Row> => {
  const [row] = await rig.sql<Row>(
    `select status, attempt_count, crash_count, steps_used, dead_reason, parked, series,
      case when due_at = 'infinity' then -1 else round(extract(epoch from due_at - now()))::float8 end as due_in,
      case when next_attempt_at = 'infinity' then -1 else round(extract(epoch from next_attempt_at - now()))::float8 end as next_in,
      lease_until is not null as leased
    from deliveries where id = $1`,
    [id],
  )
  if (row === undefined) throw new Error(`no delivery ${id}`)
  return row
}

export const outcomesOf = async (rig: StoreRig, id: string): Promise<string[]> => {
  const rows = await rig.sql<{ line: string }>(
    "select number || ' ' || outcome as line from attempts where delivery_id = $1 order by number",
    [id],
  )
  return rows.map(({ line }) => line)
}
