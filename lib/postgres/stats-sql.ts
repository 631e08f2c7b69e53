// Counting from the log: every statement reads a window of time through an index. Shared by the roll-up and by what
// is shown of the minutes that are not rolled up yet.

import { firstIdAt } from '../domain/ids.ts'
import { LATENCY_BOUNDS_MS, LATENCY_BUCKETS } from '../domain/latency.ts'

const BOUNDS = `array[${LATENCY_BOUNDS_MS.join(',')}]`
const buckets = (expression: (bucket: number) => string): string =>
  Array.from({ length: LATENCY_BUCKETS }, (_, bucket) => expression(bucket)).join(', ')

/**
 * What happened in [$1, $2), counted per minute, webhook and kind. $3 and $4 bound the ids of what was accepted then.
 * Only attempts that a receiver could have answered say anything about its latency.
 *
 * @param where a condition on the delivery `d`, such as `and d.tenant = $5`
 */
export const facts = (where = ''): string => `
facts as materialized (
  select date_trunc('minute', f.t, 'UTC') as at, f.tenant, f.event_name, f.webhook_id, f.kind, f.bucket,
    count(*)::int as n
  from (
    select d.created_at as t, d.tenant, d.event_name, d.webhook_id, 'accepted' as kind, null::int as bucket
    from deliveries d
    where d.id >= $3::text and d.id < $4::text and d.created_at >= $1::timestamptz and d.created_at < $2::timestamptz
      ${where}
    union all
    select a.finished_at, d.tenant, d.event_name, d.webhook_id,
      case a.outcome when 'succeeded' then 'succeeded' else 'failed' end,
      case when a.code in ('http_status', 'timeout') then width_bucket(a.duration_ms, ${BOUNDS}) end
    from attempts a join deliveries d on d.id = a.delivery_id
    where a.finished_at >= $1::timestamptz and a.finished_at < $2::timestamptz ${where}
    union all
    select d.finished_at, d.tenant, d.event_name, d.webhook_id, 'dead', null::int
    from deliveries d
    where d.status = 'dead' and d.finished_at >= $1::timestamptz and d.finished_at < $2::timestamptz ${where}
  ) f
  group by 1, 2, 3, 4, 5, 6
)`

const sumOf = (kind: string): string =>
  `coalesce(sum(n) filter (where kind = '${kind}'), 0)::int as ${kind}`

/** The columns of a row of stats_buckets, from facts. */
export const COUNTED = `${['accepted', 'succeeded', 'failed', 'dead'].map(sumOf).join(', ')},
  array[${buckets((bucket) => `coalesce(sum(n) filter (where bucket = ${bucket}), 0)::int`)}] as latency`

/** The same columns, from rows of stats_buckets. */
export const SUMMED = `sum(accepted)::float8 as accepted, sum(succeeded)::float8 as succeeded,
  sum(failed)::float8 as failed, sum(dead)::float8 as dead,
  array[${buckets((bucket) => `sum(latency[${bucket + 1}])::float8`)}] as latency`

// An id carries the time by the clock of the process that took the trigger; see log-pages.ts.
const CLOCK_MARGIN_MS = 60_000

/** $1 to $4 of a window. */
export const windowValues = (fromMs: number, toMs: number): [Date, Date, string, string] => [
  new Date(fromMs),
  new Date(toMs),
  firstIdAt('dlv', fromMs - CLOCK_MARGIN_MS),
  firstIdAt('dlv', toMs + CLOCK_MARGIN_MS),
]
