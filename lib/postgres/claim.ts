// W2, the claim: a compare-and-set that is at once the "picked up" record, the lease and the fence of an attempt.
// It is committed before any byte is sent. Batched across jobs; rows are locked in id order and never waited for.

import type { Claim, ClaimOutcome } from '../broker/ports.ts'
import { assertNever } from '../domain/assert-never.ts'
import { CRASH_BUDGET, type ParkReason } from '../domain/delivery.ts'
import type { Database } from './database.ts'
import { interval, ms } from './sql.ts'

export type LeaseSettings = {
  /** Timeout of an attempt where the webhook names none. */
  timeoutMs: number
  /** Added to the timeout: the lease outlives the slowest attempt by this. */
  marginMs: number
}

export type ClaimRequest = { deliveryId: string; token: string }

const LEASE_END = `now() + ${interval('(j.timeout_ms + $2::int)')}`

const BY_ID = `
asked as materialized (
  select a.id, a.token from unnest($4::text[], $5::text[]) as a(id, token)
)`

// The direct dispatcher: whatever is due, oldest first, one token for each.
const BY_DUE_TIME = `
picked as materialized (
  select d.id from deliveries d
  where d.finished_at is null and d.next_attempt_at <= now()
    and (d.lease_until is null or d.lease_until <= now())
  order by d.next_attempt_at
  limit coalesce(array_length($4::text[], 1), 0)
  for update skip locked
),
asked as materialized (
  select p.id, ($4::text[])[row_number() over (order by p.id)] as token from picked p
)`

/*
 * Verdicts, in the order in which they are tried. `repeated`: the same token again after a lost connection, the same
 * claim. An expired lease is written as an `unknown` attempt before the next one is claimed; past the crash budget the
 * delivery is dead. A webhook that is gone ends its deliveries here; a disabled one parks them.
 *
 * due_at stays as it is: it is never later than lease end + grace, the sweep moves it if it comes by meanwhile, and a
 * claim that changes no indexed column is a heap-only update.
 */
const claimStatement = (asked: string) => `
with ${asked},
locked as materialized (
  select d.* from deliveries d where d.id in (select id from asked) order by d.id for update skip locked
),
judged as materialized (
  select d.*, a.token,
    coalesce(w.timeout_ms, $1::int) as timeout_ms,
    w.url, w.headers, w.secret,
    case when w.previous_secret_until > now() then w.previous_secret end as previous_secret,
    (d.lease_until <= now()) is true as expired,
    case
      when d.finished_at is not null then 'finished'
      when d.claim_token = a.token and d.lease_until > now() then 'repeated'
      when d.lease_until > now() then 'leased'
      when w.deleted_at is not null then 'deleted'
      when d.lease_until is not null and d.crash_count >= $3::int then 'crashed_out'
      when w.status = 'disabled' then 'disabled'
      when d.next_attempt_at > now() then 'not_due'
      else 'claimed'
    end as verdict
  from locked d
  join asked a on a.id = d.id
  join webhooks w on w.id = d.webhook_id
),
${CHANGE}
${ANSWER}`

const CHANGE = `
unknown as (
  insert into attempts (delivery_id, number, series, started_at, outcome)
  select id, attempt_count, series, claimed_at, 'unknown' from judged
  where expired and verdict in ('claimed', 'deleted', 'crashed_out', 'disabled')
  on conflict (delivery_id, number) do nothing
),
changed as (
  update deliveries d set
    attempt_count = d.attempt_count + (j.verdict = 'claimed')::int,
    crash_count = d.crash_count + j.expired::int,
    probes = 0,
    parked = case j.verdict when 'disabled' then 'webhook_disabled' end,
    claim_token = case j.verdict when 'claimed' then j.token end,
    claimed_at = case j.verdict when 'claimed' then now() else d.claimed_at end,
    lease_until = case j.verdict when 'claimed'
      then ${LEASE_END} end,
    next_attempt_at = case j.verdict when 'disabled' then 'infinity' else d.next_attempt_at end,
    due_at = case j.verdict when 'disabled' then now() + interval '1 hour' else d.due_at end,
    status = case j.verdict when 'deleted' then 'cancelled' when 'crashed_out' then 'dead' else d.status end,
    dead_reason = case j.verdict when 'crashed_out' then 'crash_budget' else d.dead_reason end,
    finished_at = case when j.verdict in ('deleted', 'crashed_out') then now() end
  from judged j
  where d.id = j.id and j.verdict in ('claimed', 'deleted', 'crashed_out', 'disabled')
)`

const ANSWER = `
select
  a.id, a.token,
  coalesce(j.verdict, case when exists (select from deliveries d where d.id = a.id) then 'locked' else 'gone' end)
    as verdict,
  ${ms('now()')} as now_ms,
  ${ms("case j.verdict when 'claimed' then now() else j.claimed_at end")} as claimed_ms,
  ${ms(`case j.verdict when 'claimed' then ${LEASE_END} else j.lease_until end`)} as lease_ms,
  ${ms('j.next_attempt_at')} as next_ms,
  ${ms('m.created_at')} as created_ms,
  j.attempt_count + (j.verdict = 'claimed')::int as number,
  j.series, j.steps_used, j.last_stale, j.parked, j.timeout_ms,
  j.tenant, j.message_id, j.webhook_id, j.event_name, j.url, j.headers, j.secret, j.previous_secret,
  m.content_type, m.payload, m.traceparent
from asked a
left join judged j on j.id = a.id
left join messages m on m.id = j.message_id and j.verdict in ('claimed', 'repeated')`

const CLAIM_BY_ID = claimStatement(BY_ID)
const CLAIM_DUE = claimStatement(BY_DUE_TIME)

type Verdict =
  | 'claimed'
  | 'repeated'
  | 'finished'
  | 'deleted'
  | 'crashed_out'
  | 'gone'
  | 'locked'
  | 'leased'
  | 'disabled'
  | 'not_due'

type Row = {
  id: string
  token: string
  verdict: Verdict
  now_ms: number
  claimed_ms: number
  lease_ms: number
  next_ms: number
  created_ms: number
  number: number
  series: number
  steps_used: number
  last_stale: boolean
  parked: ParkReason | null
  timeout_ms: number
  tenant: string
  message_id: string
  webhook_id: string
  event_name: string
  url: string
  headers: Record<string, string>
  secret: string
  previous_secret: string | null
  content_type: string
  payload: Buffer
  traceparent: string | null
}

/** Claims a batch; no two requests name the same delivery. @returns one outcome per request, in order */
export const claimBatch = async (
  database: Database,
  requests: readonly ClaimRequest[],
  lease: LeaseSettings,
): Promise<ClaimOutcome[]> => {
  const rows = await database.query<Row>(CLAIM_BY_ID, [
    lease.timeoutMs,
    lease.marginMs,
    CRASH_BUDGET,
    requests.map((request) => request.deliveryId),
    requests.map((request) => request.token),
  ])
  const byId = new Map(rows.map((row) => [row.id, row]))
  return requests.map(({ deliveryId }) => {
    const row = byId.get(deliveryId)
    return row === undefined ? { kind: 'gone' } : toOutcome(row)
  })
}

/** Claims what is due now, at most one delivery per token. */
export const claimDue = async (
  database: Database,
  tokens: readonly string[],
  lease: LeaseSettings,
): Promise<Claim[]> => {
  if (tokens.length === 0) return []
  const rows = await database.query<Row>(CLAIM_DUE, [
    lease.timeoutMs,
    lease.marginMs,
    CRASH_BUDGET,
    [...tokens],
  ])
  return rows.filter((row) => row.verdict === 'claimed').map(toClaim)
}

const toOutcome = (row: Row): ClaimOutcome => {
  const { verdict } = row
  switch (verdict) {
    case 'claimed':
    case 'repeated':
      return { kind: 'claimed', claim: toClaim(row) }
    case 'finished':
    case 'deleted':
    case 'crashed_out':
      return { kind: 'finished' }
    case 'gone':
    case 'locked':
      return { kind: verdict }
    case 'leased':
      return { kind: 'leased', untilMs: row.lease_ms, dbNowMs: row.now_ms }
    case 'disabled':
      return { kind: 'parked', reason: 'webhook_disabled' }
    case 'not_due':
      if (row.parked !== null) return { kind: 'parked', reason: row.parked }
      return { kind: 'not_due', atMs: row.next_ms, dbNowMs: row.now_ms }
    default:
      return assertNever(verdict)
  }
}

const toClaim = (row: Row): Claim => ({
  deliveryId: row.id,
  token: row.token,
  attemptNumber: row.number,
  series: row.series,
  stepsUsed: row.steps_used,
  previousWasStale: row.last_stale,
  messageId: row.message_id,
  tenant: row.tenant,
  eventName: row.event_name,
  contentType: row.content_type,
  payload: row.payload,
  createdAtMs: row.created_ms,
  webhookId: row.webhook_id,
  webhookUrl: row.url,
  headers: row.headers,
  sealedSecrets: row.previous_secret === null ? [row.secret] : [row.secret, row.previous_secret],
  timeoutMs: row.timeout_ms,
  claimedAtMs: row.claimed_ms,
  leaseUntilMs: row.lease_ms,
  traceparent: row.traceparent,
})
