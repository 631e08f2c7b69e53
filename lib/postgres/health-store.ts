// The health of webhooks: breakers that open and close, and backlogs that are let go. Every statement locks the row of
// the webhook first and passes over deliveries that somebody else holds, so that none of them waits for a delivery.

import type { HealthStore, Ready } from '../broker/ports.ts'
import { makeBatcher } from '../domain/batcher.ts'
import { isTransient, type Database } from './database.ts'
import { interval } from './sql.ts'

// What waits for the webhook, a disabled one aside: those wait for a person.
const waiting = (webhookId: string, order: string) => `
  select id from deliveries
  where webhook_id = ${webhookId} and parked in ('capped', 'breaker_open') and next_attempt_at = 'infinity'
    and finished_at is null
  order by ${order} for update skip locked`

const oldest = (webhookId: string, limit: string) => waiting(webhookId, `id limit ${limit}`)

// The probe is likely to fail, and uses a step of its schedule: the oldest would be it again and again, and would come up
// hours after the others when the receiver is back.
const newest = (webhookId: string) => waiting(webhookId, 'id desc limit 1')

const LET_GO = (grace: string) => `
  update deliveries d set parked = null, released = true, generation = d.generation + 1,
    next_attempt_at = now(), due_at = now() + ${interval(grace)}
  from picked where d.id = picked.id
  returning d.id, d.generation, d.webhook_id`

// Opens what was closed, or keeps open what the probe ($3) has found to be broken still. A straggler that failed as well
// changes nothing.
const OPEN = `
with opened as (
  insert into webhook_health as h (webhook_id, state, open_until, opens, failing_since)
  select $1::text, 'open', now() + ${interval('$2::float8')}, 1, now() where $3::text is null
  on conflict (webhook_id) do update set state = 'open', open_until = excluded.open_until, opens = 1,
    probe_id = null, released = 0, failing_since = coalesce(h.failing_since, now()), changed_at = now()
  where h.state <> 'open'
  returning h.webhook_id
),
kept as (
  update webhook_health h set open_until = now() + ${interval('$2::float8')}, opens = h.opens + 1, probe_id = null,
    changed_at = now()
  where h.webhook_id = $1::text and h.state = 'open' and h.probe_id = $3::text
  returning h.webhook_id
)
select webhook_id from opened union all select webhook_id from kept`

// A second statement, because one cannot update a row twice: the probe that comes next.
const NAME_PROBE = `
with held as materialized (
  select webhook_id, open_until from webhook_health
  where webhook_id = $1::text and state = 'open' and probe_id is null for update
),
next as materialized (
  select p.id, h.open_until from held h cross join lateral (${newest('h.webhook_id')}) p
),
named as (
  update webhook_health h set probe_id = next.id from next where h.webhook_id = $1::text
)
update deliveries d set parked = 'breaker_open', generation = d.generation + 1,
  next_attempt_at = next.open_until, due_at = next.open_until + ${interval('$2::float8')}
from next where d.id = next.id
returning d.id, d.generation,
  greatest(0, 1000 * extract(epoch from next.open_until - now()))::float8 as delay_ms`

const CLOSE = `
with held as materialized (
  select webhook_id from webhook_health
  where webhook_id = $1::text and state = 'open' and probe_id = $2::text for update
),
picked as materialized (
  select p.id from held h cross join lateral (${oldest('h.webhook_id', '$3::int')}) p
),
moved as (${LET_GO('$4::float8')}),
closed as (
  update webhook_health h set state = 'ramping', open_until = null, opens = 0, probe_id = null, failing_since = null,
    released = (select count(*) from picked), changed_at = now()
  from held where h.webhook_id = held.webhook_id
)
select id, generation from moved`

/*
 * `released` counts what was let go and has not ended. Each delivery that ends takes one off and brings up to two along,
 * until as many are under way as the webhook may have. Nothing left to bring: whoever comes next goes straight through.
 */
const RELEASE = `
with asked as materialized (
  select * from unnest($1::text[], $2::int[], $3::int[], $4::int[]) as a(webhook_id, ended, wanted, most)
),
held as materialized (
  select h.webhook_id, greatest(h.released - a.ended, 0) as left_over,
    least(a.wanted, greatest(a.most - greatest(h.released - a.ended, 0), 0)) as count
  from webhook_health h join asked a on a.webhook_id = h.webhook_id
  where h.state <> 'open' order by h.webhook_id for update of h
),
picked as materialized (
  select h.webhook_id, p.id from held h cross join lateral (${oldest('h.webhook_id', 'h.count')}) p
),
moved as (${LET_GO('$5::float8')}),
counted as materialized (
  select h.webhook_id, h.left_over, h.count as wanted, count(p.id)::int as found
  from held h left join picked p on p.webhook_id = h.webhook_id
  group by h.webhook_id, h.left_over, h.count
),
told as (
  update webhook_health h set
    state = case when c.found < c.wanted then 'closed' when c.found > 0 then 'ramping' else h.state end,
    released = c.left_over + c.found, changed_at = now()
  from counted c where h.webhook_id = c.webhook_id
)
select a.webhook_id, coalesce(c.found < c.wanted, true) as drained, m.id, m.generation
from asked a
left join counted c on c.webhook_id = a.webhook_id
left join moved m on m.webhook_id = a.webhook_id`

const FAILING = `
insert into webhook_health as h (webhook_id, state, failing_since) values ($1::text, 'closed', now())
on conflict (webhook_id) do update set failing_since = coalesce(h.failing_since, now())`

const SUCCEEDED = `update webhook_health set failing_since = null where webhook_id = $1::text and failing_since is not null`

type ReadyRow = { id: string; generation: number }

const toReady = ({ id, generation }: ReadyRow): Ready => ({ deliveryId: id, generation })

/** @param graceMs how long the queue has before the sweep asks for what was let go */
export const makeHealthStore = (database: Database, graceMs: number): HealthStore => {
  const releases = makeBatcher<Ended, Released>({
    run: (batch) => releaseBatch(database, batch, graceMs),
    maxItems: 100,
    failsForAll: isTransient,
  })
  return {
    open: async ({ webhookId, openForMs, probeId = null }) => {
      const opened = await database.query(OPEN, [webhookId, openForMs, probeId])
      if (opened.length === 0) return { opened: false, probe: undefined }
      const [row] = await database.query<ReadyRow & { delay_ms: number }>(NAME_PROBE, [
        webhookId,
        graceMs,
      ])
      const probe = row === undefined ? undefined : { ...toReady(row), delayMs: row.delay_ms }
      return { opened: true, probe }
    },
    close: async (webhookId, probeId, count) => {
      const rows = await database.query<ReadyRow>(CLOSE, [webhookId, probeId, count, graceMs])
      return rows.map(toReady)
    },
    release: releases.add,
    failing: async (webhookId) => {
      await database.query(FAILING, [webhookId])
    },
    succeeded: async (webhookId) => {
      await database.query(SUCCEEDED, [webhookId])
    },
  }
}

type Ended = { webhookId: string; count: number; limit: number; anew?: boolean }
type Released = { ready: Ready[]; drained: boolean }
type ReleaseRow = { webhook_id: string; drained: boolean } & (
  { id: null; generation: null } | ReadyRow
)

// More than a webhook may have under way.
const ALL = 1_000_000

/** What ended of one webhook meanwhile counts together; the first of its callers hands over what was let go. */
const releaseBatch = async (
  database: Database,
  batch: readonly Ended[],
  graceMs: number,
): Promise<Released[]> => {
  const byWebhook = new Map<string, { ended: number; wanted: number; most: number }>()
  for (const { webhookId, count, limit, anew = false } of batch) {
    const sum = byWebhook.get(webhookId) ?? { ended: 0, wanted: 0, most: 0 }
    byWebhook.set(webhookId, {
      ended: sum.ended + (anew ? ALL : 1),
      wanted: sum.wanted + count,
      most: Math.max(sum.most, limit),
    })
  }
  const asked = [...byWebhook.values()]
  const rows = await database.query<ReleaseRow>(RELEASE, [
    [...byWebhook.keys()],
    asked.map(({ ended }) => ended),
    asked.map(({ wanted }) => wanted),
    asked.map(({ most }) => most),
    graceMs,
  ])
  const released = new Map<string, Released>()
  for (const row of rows) {
    const known = released.get(row.webhook_id) ?? { ready: [], drained: row.drained }
    if (row.id !== null) known.ready.push(toReady(row))
    released.set(row.webhook_id, known)
  }
  return batch.map(({ webhookId }) => {
    const mine = released.get(webhookId) ?? { ready: [], drained: true }
    released.set(webhookId, { ready: [], drained: mine.drained })
    return mine
  })
}
