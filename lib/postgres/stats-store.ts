// Figures over time: sums of what is rolled up, counts of what is not yet, and what is open now. No read here grows with
// the log: buckets are read by ranges of an index, the log only for the last minutes.

import type { OpenNow, StatsFilter, StatsStore, WebhookCounts } from '../broker/ports.ts'
import type { Counts, StatsPiece } from '../domain/stats.ts'
import type { WebhookStatus } from '../domain/webhook.ts'
import { translated, type Database } from './database.ts'
import { rollUp } from './roll-up.ts'
import { ms } from './sql.ts'
import { COUNTED, facts, SUMMED, windowValues } from './stats-sql.ts'

/** @param retentionDays how long hours are kept */
export const makeStatsStore = (
  database: Database,
  { retentionDays }: { retentionDays: number },
): StatsStore => ({
  progress: async () => {
    const [row] = await database.query<{ rolled_ms: number; now_ms: number }>(
      `select ${ms('rolled_until')} as rolled_ms, ${ms('now()')} as now_ms from stats_progress`,
      [],
    )
    if (row === undefined) throw new TypeError('stats_progress holds no row')
    return { rolledUntilMs: row.rolled_ms, nowMs: row.now_ms }
  },
  series: (filter, piece, stepMs) => series(database, { filter, piece, stepMs }),
  perWebhook: (filter, piece) => perWebhook(database, filter, piece),
  live: (filter, piece) => live(database, filter, piece),
  openNow: (filter) => openNow(database, filter),
  webhookNames: (tenant, ids) =>
    translated(() =>
      database.kysely
        .selectFrom('webhooks')
        .select(['id', 'url as webhookUrl', 'status'])
        .where('tenant', '=', tenant)
        .where('id', 'in', [...ids])
        .execute(),
    ) satisfies Promise<{ id: string; webhookUrl: string; status: WebhookStatus }[]>,
  rollUp: () => rollUp(database, retentionDays),
})

const STEP_S = { minutes: 60, hours: 3_600 }

const stepOf = ({ source }: StatsPiece): number => {
  if (source === 'live') throw new TypeError('live pieces are counted from the log')
  return STEP_S[source]
}

const SERIES = `
select (floor(extract(epoch from at) * 1000 / $7::float8) * $7::float8)::float8 as "atMs", ${SUMMED}
from stats_buckets
where tenant = $1::text and step = $2::int and at >= $3::timestamptz and at < $4::timestamptz
  and event_name = $5::text and webhook_id = $6::text
group by 1`

// The webhook alone, whatever its event.
const SERIES_OF_WEBHOOK = SERIES.replace(
  'and event_name = $5::text',
  "and ($5::text = '' or event_name = $5::text)",
)

type Flat = Counts & { atMs: number }

const toCounts = ({ accepted, succeeded, failed, dead, latency }: Counts): Counts => ({
  accepted,
  succeeded,
  failed,
  dead,
  latency,
})

type SeriesInput = { filter: StatsFilter; piece: StatsPiece; stepMs: number }

const series = async (database: Database, { filter, piece, stepMs }: SeriesInput) => {
  const rows = await database.query<Flat>(
    filter.webhookId === undefined ? SERIES : SERIES_OF_WEBHOOK,
    [...pieceValues(filter, piece), filter.eventName ?? '', filter.webhookId ?? '', stepMs],
  )
  return rows.map((row) => ({ atMs: row.atMs, counts: toCounts(row) }))
}

const pieceValues = ({ tenant }: StatsFilter, piece: StatsPiece) => [
  tenant,
  stepOf(piece),
  new Date(piece.fromMs),
  new Date(piece.toMs),
]

const NAMED = `($5::text is null or event_name = $5::text) and ($6::text is null or webhook_id = $6::text)`

const PER_WEBHOOK = `
select event_name as "eventName", webhook_id as "webhookId", ${SUMMED}
from stats_buckets
where tenant = $1::text and step = $2::int and at >= $3::timestamptz and at < $4::timestamptz
  and webhook_id <> '' and ${NAMED}
group by 1, 2`

type Named = { eventName: string; webhookId: string }

const perWebhook = async (database: Database, filter: StatsFilter, piece: StatsPiece) => {
  const rows = await database.query<Flat & Named>(PER_WEBHOOK, [
    ...pieceValues(filter, piece),
    filter.eventName ?? null,
    filter.webhookId ?? null,
  ])
  return rows.map((row) => toWebhookCounts({ ...row, atMs: piece.fromMs }))
}

const toWebhookCounts = (row: Flat & Named): WebhookCounts => ({
  atMs: row.atMs,
  eventName: row.eventName,
  webhookId: row.webhookId,
  counts: toCounts(row),
})

const LIVE_FILTER = `and d.tenant = $5::text and ($6::text is null or d.event_name = $6::text)
  and ($7::text is null or d.webhook_id = $7::text)`

const LIVE = `
with ${facts(LIVE_FILTER)}
select extract(epoch from at)::float8 * 1000 as "atMs", event_name as "eventName", webhook_id as "webhookId", ${COUNTED}
from facts group by at, event_name, webhook_id`

const live = async (database: Database, filter: StatsFilter, piece: StatsPiece) => {
  const rows = await database.query<Flat & Named>(LIVE, [
    ...windowValues(piece.fromMs, piece.toMs),
    filter.tenant,
    filter.eventName ?? null,
    filter.webhookId ?? null,
  ])
  return rows.map(toWebhookCounts)
}

// Counting a backlog of millions for a page would cost seconds; nobody needs the last digit of it.
const MOST_OPEN = 100_000

// The status stands before the id in every index (decision 0012), so open deliveries lie together.
const OPEN = `
select count(*)::int as count,
  (min(next_attempt_at) filter (where next_attempt_at <= now() and (lease_until is null or lease_until <= now())))
    as "oldestDueAt"
from (
  select next_attempt_at, lease_until from deliveries
  where tenant = $1::text and status in ('pending', 'retrying')
    and ($2::text is null or event_name = $2::text) and ($3::text is null or webhook_id = $3::text)
  limit ${MOST_OPEN + 1}
) d`

const openNow = async (database: Database, filter: StatsFilter): Promise<OpenNow> => {
  const [row] = await database.query<{ count: number; oldestDueAt: Date | null }>(OPEN, [
    filter.tenant,
    filter.eventName ?? null,
    filter.webhookId ?? null,
  ])
  const count = row?.count ?? 0
  return {
    count: Math.min(count, MOST_OPEN),
    capped: count > MOST_OPEN,
    oldestDueAt: row?.oldestDueAt ?? null,
  }
}
