// What a contract test may do behind the backs of the stores: date rows back instead of waiting, leave rows as a process
// that died would leave them, and look at what no port shows. Here in SQL; for the fakes in fakes/world-hands.ts.

/** A delivery's row; times in whole seconds from now, -1 where somebody has to act first. */
export type DeliveryFacts = {
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

/** Absent fields stay as they are. */
export type DeliveryPatch = {
  status?: 'pending' | 'dead' | 'cancelled'
  /** Whether it has ended, now. */
  finished?: true
  /** The claim is gone, without a trace in the log. */
  unclaimed?: true
  series?: number
  crashCount?: number
  createdInMs?: number
  nextInMs?: number
  dueInMs?: number
}

export type StoreHands = {
  rowOf(deliveryId: string): Promise<DeliveryFacts>
  /** One line for each attempt, such as `1 unknown`. */
  outcomesOf(deliveryId: string): Promise<string[]>
  countDeliveries(messageId: string): Promise<number>
  hasKey(key: string): Promise<boolean>
  hasSwept(): Promise<boolean>
  /** The worker of a delivery died: its lease ended a second ago. */
  expireLease(deliveryId: string): Promise<unknown>
  /** The sweep may ask for it, a worker may claim it. */
  makeDueNow(deliveryId: string): Promise<unknown>
  patch(deliveryId: string, change: DeliveryPatch): Promise<unknown>
  /** Nothing is open any more: what earlier tests left does not disturb. */
  endAllOpen(): Promise<unknown>
  /** As if retention had removed it. */
  forgetDelivery(deliveryId: string): Promise<unknown>
  /** As a process leaves it that died between the removal of a webhook and of what waits for it. */
  deleteWebhookAlone(webhookId: string): Promise<unknown>
  endRotation(webhookId: string): Promise<unknown>
  expireKey(key: string): Promise<unknown>
  ageMessages(messageIds: readonly string[], days: number): Promise<unknown>
  /** What publishers had taken is anybody's again. */
  letPublishersDie(): Promise<unknown>
}

export type RunSql = <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>

const ROW = `
select status, attempt_count, crash_count, steps_used, dead_reason, parked, series,
  case when due_at = 'infinity' then -1 else round(extract(epoch from due_at - now()))::float8 end as due_in,
  case when next_attempt_at = 'infinity' then -1 else round(extract(epoch from next_attempt_at - now()))::float8 end as next_in,
  lease_until is not null as leased
from deliveries where id = $1`

const PATCH = `
update deliveries set
  status = coalesce($2::text, status),
  finished_at = case when $3::boolean then now() else finished_at end,
  claim_token = case when $4::boolean then null else claim_token end,
  lease_until = case when $4::boolean then null else lease_until end,
  series = coalesce($5::smallint, series),
  crash_count = coalesce($6::smallint, crash_count),
  next_attempt_at = coalesce(now() + $7::float8 * interval '1 ms', next_attempt_at),
  due_at = coalesce(now() + $8::float8 * interval '1 ms', due_at),
  created_at = coalesce(now() + $9::float8 * interval '1 ms', created_at)
where id = $1`

/** @param sql runs a statement of the test's own */
export const sqlHands = (sql: RunSql): StoreHands => ({
  rowOf: async (id) => {
    const [row] = await sql<DeliveryFacts>(ROW, [id])
    if (row === undefined) throw new Error(`no delivery ${id}`)
    return row
  },
  outcomesOf: async (id) => {
    const lines = "select number || ' ' || outcome as line from attempts where delivery_id = $1"
    return (await sql<{ line: string }>(`${lines} order by number`, [id])).map(({ line }) => line)
  },
  countDeliveries: async (id) =>
    (await sql('select 1 from deliveries where message_id = $1', [id])).length,
  hasKey: async (key) =>
    (await sql('select 1 from idempotency_keys where key = $1', [key])).length > 0,
  hasSwept: async () =>
    (await sql('select 1 from broker_state where last_sweep_at is not null')).length > 0,
  expireLease: (id) =>
    sql("update deliveries set lease_until = now() - interval '1 second' where id = $1", [id]),
  makeDueNow: (id) =>
    sql(
      "update deliveries set due_at = now() - interval '1 second', next_attempt_at = least(next_attempt_at, now()) where id = $1",
      [id],
    ),
  patch: (id, change) =>
    sql(PATCH, [
      id,
      change.status ?? null,
      change.finished ?? false,
      change.unclaimed ?? false,
      change.series ?? null,
      change.crashCount ?? null,
      change.nextInMs ?? null,
      change.dueInMs ?? null,
      change.createdInMs ?? null,
    ]),
  endAllOpen: () => sql('update deliveries set finished_at = now() where finished_at is null'),
  forgetDelivery: (id) => sql('delete from deliveries where id = $1', [id]),
  deleteWebhookAlone: (id) => sql('update webhooks set deleted_at = now() where id = $1', [id]),
  endRotation: (id) => sql('update webhooks set previous_secret_until = now() where id = $1', [id]),
  expireKey: (key) =>
    sql("update idempotency_keys set expires_at = now() - interval '1 second' where key = $1", [
      key,
    ]),
  ageMessages: (ids, days) =>
    sql("update messages set created_at = now() - $2 * interval '1 day' where id = any($1)", [
      ids,
      days,
    ]),
  letPublishersDie: () => sql('update operational_events set next_at = now()'),
})
