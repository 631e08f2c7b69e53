// The roll-up behind /stats: counts per minute and hour, written by the sweep from what is older than two minutes. The
// hot path writes nothing for it. It is figures, not truth: a row that commits later than that is missing here, never
// in the audit, which counts the log itself.

import { CompiledQuery, type Transaction } from 'kysely'
import { MINUTES_KEPT_MS } from '../domain/stats.ts'
import { translated, type Database } from './database.ts'
import type { Tables } from './schema.ts'
import { ms } from './sql.ts'
import { COUNTED, facts, SUMMED, windowValues } from './stats-sql.ts'

type Tx = Transaction<Tables>

const HOUR_MS = 3_600_000
// A statement takes 10 s at most, so by then whatever began in that minute has committed or failed.
const SETTLED_AFTER = "interval '2 minutes'"

// Skips when another sweep is at it.
const NEXT = `
select ${ms('rolled_until')} as from_ms, ${ms(`date_trunc('minute', now() - ${SETTLED_AFTER}, 'UTC')`)} as settled_ms
from stats_progress where id = 1 for update skip locked`

const INTO = `insert into stats_buckets
  (step, at, tenant, event_name, webhook_id, accepted, succeeded, failed, dead, latency)`
// Rolling a minute up again replaces what was there.
const REPLACE = `on conflict (tenant, step, event_name, webhook_id, at) do update set
  accepted = excluded.accepted, succeeded = excluded.succeeded, failed = excluded.failed, dead = excluded.dead,
  latency = excluded.latency`

const MINUTES = `
with ${facts()}
${INTO}
select 60, at, tenant, coalesce(event_name, ''), coalesce(webhook_id, ''), ${COUNTED}
from facts
group by grouping sets ((at, tenant), (at, tenant, event_name), (at, tenant, event_name, webhook_id))
${REPLACE}`

const HOUR = `
${INTO}
select 3600, $1::timestamptz, tenant, event_name, webhook_id, ${SUMMED}
from stats_buckets where step = 60 and at >= $1::timestamptz and at < $2::timestamptz
group by tenant, event_name, webhook_id
${REPLACE}`

const FORGET = 'delete from stats_buckets where step = $1::int and at < $2::timestamptz'

/** @returns whether there is more to roll up now */
export const rollUp = ({ kysely }: Database, retentionDays: number): Promise<boolean> =>
  translated(() =>
    kysely.transaction().execute(async (tx) => {
      const [next] = await run<{ from_ms: number; settled_ms: number }>(tx, NEXT, [])
      if (next === undefined) return false
      const hourEndMs = (Math.floor(next.from_ms / HOUR_MS) + 1) * HOUR_MS
      const toMs = Math.min(hourEndMs, next.settled_ms)
      if (toMs <= next.from_ms) return false
      await run(tx, MINUTES, windowValues(next.from_ms, toMs))
      if (toMs === hourEndMs) await closeHour(tx, hourEndMs, retentionDays)
      await run(tx, 'update stats_progress set rolled_until = $1::timestamptz', [new Date(toMs)])
      return toMs < next.settled_ms
    }),
  )

const closeHour = async (tx: Tx, endMs: number, retentionDays: number): Promise<void> => {
  await run(tx, HOUR, [new Date(endMs - HOUR_MS), new Date(endMs)])
  await run(tx, FORGET, [60, new Date(endMs - MINUTES_KEPT_MS - HOUR_MS)])
  await run(tx, FORGET, [3_600, new Date(endMs - retentionDays * 24 * HOUR_MS)])
}

const run = async <Row>(tx: Tx, text: string, values: readonly unknown[]): Promise<Row[]> =>
  (await tx.executeQuery<Row>(CompiledQuery.raw(text, [...values]))).rows
