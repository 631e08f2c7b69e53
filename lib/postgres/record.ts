// W7, the result: the attempt's row and the delivery's new state in one statement, fenced by claim token and attempt
// number, batched across attempts. It commits before the queue is told anything.

import type { AttemptResult, Recorded } from '../broker/ports.ts'
import { judge } from '../domain/attempt.ts'
import type { DeliveryStatus } from '../domain/delivery.ts'
import type { Database } from './database.ts'
import { asBuffer, interval, ms } from './sql.ts'

/*
 * `held`: the claim is still this attempt's. `repeated`: this very result is already recorded (the answer was lost).
 * Neither: the lease was lost; a success is recorded all the same, because the receiver did get it, and turns `dead`
 * and `cancelled` into `delivered`; a failure is dropped, the log says `unknown` already.
 * A result of an older series (before a replay) is written as an attempt and changes no status.
 */
const RECORD = `
with asked as materialized (
  select * from unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::float8[], $6::float8[], $7::boolean[],
    $8::text[], $9::int[], $10::text[], $11::bytea[], $12::text[], $13::text[], $14::float8[], $15::boolean[],
    $16::boolean[])
  as a(id, token, number, series, claimed_ms, duration_ms, succeeded, code, status_code, response_headers,
    response_body, detail, dead_reason, delay_ms, uses_step, stale)
),
locked as materialized (
  select d.* from deliveries d where d.id in (select id from asked) order by d.id for update
),
judged as materialized (
  select a.*, d.series as current_series, d.finished_at as was_finished_at,
    (d.claim_token = a.token and d.attempt_count = a.number) is true and d.lease_until is not null as held,
    (d.claim_token = a.token and d.attempt_count = a.number) is true and d.lease_until is null as repeated
  from asked a join locked d on d.id = a.id
),
logged as (
  insert into attempts (delivery_id, number, series, started_at, finished_at, duration_ms, outcome, code, status_code,
    response_headers, response_body, detail)
  select id, number, series, to_timestamp(claimed_ms / 1000), now(), duration_ms,
    case when succeeded then 'succeeded' else 'failed' end, code, status_code,
    response_headers::jsonb, response_body, detail
  from judged where held or (succeeded and not repeated)
  on conflict (delivery_id, number) do update set
    outcome = excluded.outcome, finished_at = excluded.finished_at, duration_ms = excluded.duration_ms,
    code = excluded.code, status_code = excluded.status_code, response_headers = excluded.response_headers,
    response_body = excluded.response_body, detail = excluded.detail
  where attempts.outcome = 'unknown'
),
planned as materialized (
  select j.*,
    case
      when j.series <> j.current_series then null
      when j.succeeded then 'delivered'
      when j.was_finished_at is not null then null
      when j.delay_ms is not null then 'retrying'
      else 'dead'
    end as new_status,
    now() + ${interval('j.delay_ms')} as next_at
  from judged j
  where j.held or (j.succeeded and not j.repeated)
),
changed as (
  update deliveries d set
    status = coalesce(p.new_status, d.status),
    lease_until = case when p.held then null else d.lease_until end,
    steps_used = d.steps_used + ((p.new_status = 'retrying' and p.uses_step) is true)::int,
    generation = d.generation + ((p.new_status = 'retrying') is true)::int,
    last_stale = case when p.held then p.stale else d.last_stale end,
    parked = null,
    next_attempt_at = case p.new_status when 'retrying' then p.next_at else d.next_attempt_at end,
    due_at = case p.new_status when 'retrying' then
      p.next_at + case when p.delay_ms <= $17::float8 then ${interval('$18::float8')} else interval '0' end
      else d.due_at end,
    dead_reason = case p.new_status when 'dead' then p.dead_reason when 'delivered' then null else d.dead_reason end,
    first_delivered_at = case when p.succeeded then coalesce(d.first_delivered_at, now()) else d.first_delivered_at end,
    finished_at = case when p.new_status in ('dead', 'delivered') and d.status <> 'delivered' then now()
      else d.finished_at end
  from planned p
  where d.id = p.id
  returning d.id, d.status, d.next_attempt_at, d.generation
)
select j.id, coalesce(c.status, d.status) as status, not (j.held or j.repeated) as fenced,
  case when coalesce(c.status, d.status) in ('pending', 'retrying') and (j.held or j.repeated)
    then ${ms('coalesce(c.next_attempt_at, d.next_attempt_at)')} end as next_ms,
  coalesce(c.generation, d.generation) as generation,
  ${ms('now()')} as now_ms
from judged j
join locked d on d.id = j.id
left join changed c on c.id = j.id`

type Row = {
  id: string
  status: DeliveryStatus
  fenced: boolean
  next_ms: number | null
  generation: number
  now_ms: number
}

export type RecordSettings = {
  /** A retry within this is kept by the queue; a later one lives in Postgres only. */
  queueHorizonMs: number
  /** How long the queue has before the sweep asks. */
  graceMs: number
}

/** Records a batch; no two results name the same delivery. @returns one answer per result, in order */
export const recordBatch = async (
  database: Database,
  results: readonly AttemptResult[],
  settings: RecordSettings,
): Promise<Recorded[]> => {
  const columns = results.map(toColumns)
  const values = COLUMNS.map((name) => columns.map((column) => column[name]))
  const rows = await database.query<Row>(RECORD, [
    ...values,
    settings.queueHorizonMs,
    settings.graceMs,
  ])
  const byId = new Map(rows.map((row) => [row.id, row]))
  return results.map(({ claim }) => {
    const row = byId.get(claim.deliveryId)
    // The row is gone only when retention removed a finished delivery: nothing is left to record.
    if (row === undefined) return GONE
    return {
      status: row.status,
      fenced: row.fenced,
      nextAttemptAtMs: row.next_ms,
      generation: row.generation,
      dbNowMs: row.now_ms,
    }
  })
}

const GONE: Recorded = {
  status: 'cancelled',
  fenced: true,
  nextAttemptAtMs: null,
  generation: 0,
  dbNowMs: 0,
}

const COLUMNS = [
  'id',
  'token',
  'number',
  'series',
  'claimedMs',
  'durationMs',
  'succeeded',
  'code',
  'statusCode',
  'responseHeaders',
  'responseBody',
  'detail',
  'deadReason',
  'delayMs',
  'usesStep',
  'stale',
] as const

type Columns = Record<(typeof COLUMNS)[number], string | number | boolean | Buffer | null>

const toColumns = ({ claim, outcome, durationMs, plan }: AttemptResult): Columns => ({
  id: claim.deliveryId,
  token: claim.token,
  number: claim.attemptNumber,
  series: claim.series,
  claimedMs: claim.claimedAtMs,
  durationMs: Math.round(durationMs),
  succeeded: judge(outcome) === 'succeeded',
  ...(outcome.kind === 'answered'
    ? {
        code: 'http_status',
        statusCode: outcome.response.statusCode,
        responseHeaders: JSON.stringify(outcome.response.headers, storable),
        responseBody: asBuffer(outcome.response.body),
        detail: outcome.response.bodyBroken
          ? 'the response body could not be read to its end'
          : null,
        stale: false,
      }
    : {
        code: outcome.code,
        statusCode: null,
        responseHeaders: null,
        responseBody: null,
        detail: storable('detail', outcome.detail),
        stale: outcome.staleConnection,
      }),
  deadReason: plan.kind === 'dead' ? plan.reason : null,
  delayMs: plan.kind === 'retry' ? plan.delayMs : null,
  usesStep: plan.kind === 'retry' && plan.usesStep,
})

/**
 * What text and jsonb can hold: anything but a NUL. Taken out before the text is escaped: afterwards a receiver that
 * spells \u0000 in letters looks the same as one that sends the byte.
 */
const storable = <T>(_name: string, value: T): T | string =>
  typeof value === 'string' ? value.replaceAll('\u0000', '') : value
