// What the sweep asks of Postgres: O(open and due), never O(all). Rows are chosen by state and due time, with no
// high-water mark, so a row that commits late is never skipped (O-LOG-2).

import type { DueDelivery, SweepStore } from '../broker/ports.ts'
import { CRASH_BUDGET } from '../domain/delivery.ts'
import { FIRST_RELEASE } from '../domain/fair-share.ts'
import { translated, type Database } from './database.ts'
import { interval } from './sql.ts'
import { TAKE_DUE } from './sweep-due-sql.ts'

export type SweepStoreSettings = {
  graceMs: number
  /** Finished messages older than this are removed. */
  retentionDays: number
  /** A retry within this lives in the queue. */
  queueHorizonMs: number
  /** After so long without a sign of life nobody brings a parked delivery back. */
  stuckMs: number
}

// After Redis was emptied: everything that the queue should hold becomes due. Rows in flight and rows that live in
// Postgres only keep their times. Keyset on the time of the next attempt, which the repair does not change: on the due
// time, which it does, it met its own rows again and never came to an end. Rows accepted since it began ($2) are left
// out: they were enqueued after the loss.
const MAKE_DUE = `
with lost as materialized (
  select id, next_attempt_at from deliveries
  where finished_at is null and lease_until is null and due_at > now()
    and next_attempt_at <= now() + ${interval('$5::float8')}
    and created_at <= coalesce($2::timestamptz, now())
    and ($3::timestamptz is null or (next_attempt_at, id) > ($3::timestamptz, $4::text))
  order by next_attempt_at, id limit $1::int for update skip locked
),
moved as (
  update deliveries d set due_at = now(), probes = 0 from lost l where d.id = l.id
)
select count(*)::int as count, coalesce($2::timestamptz, now())::text as began,
  (select next_attempt_at::text from lost order by next_attempt_at desc, id desc limit 1) as next_at,
  (select id from lost order by next_attempt_at desc, id desc limit 1) as id
from lost`

const PRUNE_EXPIRED = `
with keys as (
  delete from idempotency_keys where (tenant, key) in (
    select tenant, key from idempotency_keys where expires_at < now()
    order by expires_at limit $1::int for update skip locked
  ) returning 1
),
replayed as (
  delete from replays where id in (
    select id from replays where status = 'finished' and finished_at < now() - $2::float8 * interval '1 day'
    order by finished_at limit $1::int for update skip locked
  ) returning 1
),
pauses as (
  delete from webhook_pauses where (webhook_id, began_at) in (
    select webhook_id, began_at from webhook_pauses where ended_at < now() - $2::float8 * interval '1 day'
    order by ended_at limit $1::int
  ) returning 1
)
select greatest((select count(*) from keys), (select count(*) from replayed), (select count(*) from pauses))::int
  as count`

// A message goes with its deliveries and attempts, and only when none of them is open. The bound on the id keeps the
// scan at the old end of the primary key; the bound on the time is what counts, by the database clock. A batch begins
// where the one before it ended: what was just removed still lies in the index until the next vacuum, and so does what
// is too old but open.
const PRUNE_MESSAGES = `
with old as materialized (
  select m.id from messages m
  where m.id < $2::text and m.id > $4::text
    and m.created_at < now() - $3::float8 * interval '1 day'
    and not exists (
      select from deliveries d where d.id >= 'dlv_' || substr(m.id, 5, 10) and d.id < 'dlv_' || substr(m.id, 5, 10) || '~'
        and d.message_id = m.id and d.finished_at is null
    )
  order by m.id limit $1::int for update skip locked
),
gone as (
  delete from deliveries d using old
  where d.id >= 'dlv_' || substr(old.id, 5, 10) and d.id < 'dlv_' || substr(old.id, 5, 10) || '~'
    and d.message_id = old.id
  returning d.id
),
forgotten as (delete from attempts a using gone where a.delivery_id = gone.id),
dropped as (delete from messages m using old where m.id = old.id returning m.id)
select count(*)::int as count, max(id) as last from dropped`

/** Builds the store over a database. */
export const makeSweepStore = (database: Database, settings: SweepStoreSettings): SweepStore => ({
  takeDue: (limit) => takeDue(database, limit, settings.graceMs),
  makeDue: (limit, after) => makeDue(database, { limit, after, horizon: settings.queueHorizonMs }),
  incarnation: async () => {
    const [row] = await database.query<{ incarnation: string }>(
      'select incarnation from broker_state',
      [],
    )
    return Number(row?.incarnation ?? 0)
  },
  raiseIncarnation: async (to) => {
    await database.query(
      'update broker_state set incarnation = greatest(incarnation, $1::bigint)',
      [to],
    )
  },
  wakeWebhooks: async (limit) => {
    await database.query(FORGET_WELL, [])
    const rows = await database.query<{ id: string; generation: number }>(WAKE, [
      limit,
      settings.stuckMs,
      settings.graceMs,
    ])
    return rows.map(({ id, generation }) => ({ deliveryId: id, generation }))
  },
  prune: (limit, { before, after }) =>
    prune(database, { limit, before, after, retentionDays: settings.retentionDays }),
  pruneExpired: async (limit) => {
    const [row] = await database.query<{ count: number }>(PRUNE_EXPIRED, [
      limit,
      settings.retentionDays,
    ])
    return row?.count ?? 0
  },
  finished: () =>
    translated(async () => {
      await database.query('update broker_state set last_sweep_at = now()', [])
    }),
})

// A link of the chain is missing: a worker died between a result and what it would have brought along, a probe was
// cancelled. Those whose breaker is open get a new probe, of the others some go.
const WAKE = `
with stuck as materialized (
  select h.webhook_id, h.state from webhook_health h
  where case h.state
      when 'open' then h.open_until < now() - ${interval('$2::float8')} and not exists (
        select from deliveries p where p.id = h.probe_id and p.finished_at is null
          and (p.lease_until is not null or p.next_attempt_at <= now()))
      when 'ramping' then h.changed_at < now() - ${interval('$2::float8')}
      else true end
    and exists (
      select from deliveries d where d.webhook_id = h.webhook_id and d.parked in ('capped', 'breaker_open')
        and d.next_attempt_at = 'infinity' and d.finished_at is null)
  order by h.webhook_id limit $1::int for update of h skip locked
),
picked as materialized (
  select s.webhook_id, s.state, p.id from stuck s cross join lateral (
    select id from deliveries d where d.webhook_id = s.webhook_id and d.parked in ('capped', 'breaker_open')
      and d.next_attempt_at = 'infinity' and d.finished_at is null
    order by id limit case s.state when 'open' then 1 else ${FIRST_RELEASE} end for update skip locked
  ) p
),
woken as (
  update webhook_health h set changed_at = now(),
    state = case h.state when 'open' then h.state else 'ramping' end,
    probe_id = case h.state when 'open' then (select id from picked p where p.webhook_id = h.webhook_id) end,
    released = case h.state when 'open' then 0 else (select count(*) from picked p where p.webhook_id = h.webhook_id) end
  from stuck s where h.webhook_id = s.webhook_id
)
update deliveries d set parked = null, released = p.state <> 'open', generation = d.generation + 1,
  next_attempt_at = now(), due_at = now() + ${interval('$3::float8')}
from picked p where d.id = p.id
returning d.id, d.generation`

const FORGET_WELL = `
delete from webhook_health h using webhooks w
where w.id = h.webhook_id and (w.deleted_at is not null
  or h.state = 'closed' and h.failing_since is null and h.changed_at < now() - interval '1 hour')`

type DueRow = {
  id: string
  finding: DueDelivery['finding']
  probes: number
  generation: number
  delay_ms: number
}

const takeDue = async (database: Database, limit: number, graceMs: number) => {
  const rows = await database.query<DueRow>(TAKE_DUE, [limit, CRASH_BUDGET, graceMs])
  return rows.map(({ id, finding, probes, generation, delay_ms }) => ({
    deliveryId: id,
    finding,
    probes,
    generation,
    delayMs: delay_ms,
  }))
}

type MakeDueInput = { limit: number; after: string | undefined; horizon: number }

const makeDue = async (database: Database, { limit, after, horizon }: MakeDueInput) => {
  const [began = null, nextAt = null, id = null] = after?.split('|') ?? []
  const [row] = await database.query<{
    count: number
    began: string
    next_at: string | null
    id: string | null
  }>(MAKE_DUE, [limit, began, nextAt, id, horizon])
  const more = row !== undefined && row.count === limit && row.next_at !== null && row.id !== null
  return {
    next: more ? `${row.began}|${row.next_at ?? ''}|${row.id ?? ''}` : undefined,
    count: row?.count ?? 0,
  }
}

type PruneInput = {
  limit: number
  before: string
  after: string | undefined
  retentionDays: number
}

const prune = async (database: Database, input: PruneInput) => {
  const [row] = await database.query<{ count: number; last: string | null }>(PRUNE_MESSAGES, [
    input.limit,
    input.before,
    input.retentionDays,
    input.after ?? '',
  ])
  const { count = 0, last = null } = row ?? {}
  return { next: count === input.limit ? (last ?? undefined) : undefined, removed: count }
}
