// W2, the claim: a compare-and-set that is at once the "picked up" record, the lease and the fence of an attempt.
// It is committed before any byte is sent. Batched across jobs; rows are locked in id order and never waited for.

import type { Admissions, Claim, ClaimOutcome, NeedsTurn } from '../broker/ports.ts'
import { assertNever } from '../domain/assert-never.ts'
import { CRASH_BUDGET, type ParkReason } from '../domain/delivery.ts'
import type { RateLimit } from '../domain/webhook.ts'
import { CLAIM_BY_ID, CLAIM_DUE } from './claim-sql.ts'
import { endCrashed } from './crash-budget.ts'
import { isTransient, type Database } from './database.ts'

export type LeaseSettings = {
  /** Timeout of an attempt where the webhook names none. */
  timeoutMs: number
  /** Added to the timeout: the lease outlives the slowest attempt by this. */
  marginMs: number
  /** How long the queue has before the sweep asks. */
  graceMs: number
  /** What this process may take of each webhook. */
  admissions: Admissions
}

export type ClaimRequest = { deliveryId: string; token: string; hasTurn: boolean }

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
  | 'proposed'
  | 'broken'
  | 'capped'
  | 'held'
  | 'busy'
  | 'needs_turn'

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
  rate_limit: RateLimit | null
  began: boolean
  probe: boolean
  released: boolean
  opens: number
  failing_for_ms: number | null
}

/** Claims a batch; no two requests name the same delivery. @returns one outcome per request, in order */
export const claimBatch = async (
  database: Database,
  requests: readonly ClaimRequest[],
  lease: LeaseSettings,
): Promise<ClaimOutcome[]> => {
  const rows = await database.query<Row>(
    CLAIM_BY_ID,
    [
      ...shared(lease),
      requests.map((request) => request.deliveryId),
      requests.map((request) => request.token),
      requests.map((request) => request.hasTurn),
    ],
    'kept',
  )
  tell(lease.admissions, rows)
  const ended = await endCrashedOut(database, rows)
  const byId = new Map(rows.map((row) => [row.id, row]))
  return requests.map(({ deliveryId }) => {
    const row = byId.get(deliveryId)
    if (row?.verdict === 'crashed_out') return { kind: ended ? 'finished' : 'locked' }
    return row === undefined ? { kind: 'gone' } : toOutcome(row)
  })
}

/** Claims what is due now, at most one delivery per token. Goes on past what may not be attempted. */
export const claimDue = async (
  database: Database,
  tokens: readonly string[],
  { lease, needsTurn }: { lease: LeaseSettings; needsTurn: (delivery: NeedsTurn) => void },
): Promise<Claim[]> => {
  if (tokens.length === 0) return []
  for (let round = 0; ; round += 1) {
    const rows = await database.query<Row>(CLAIM_DUE, [...shared(lease), [...tokens]], 'kept')
    tell(lease.admissions, rows)
    await endCrashedOut(database, rows)
    const claims = rows.filter((row) => row.verdict === 'claimed').map(toClaim)
    const waiting = rows.filter((row) => row.verdict === 'needs_turn').map(toNeedsTurn)
    waiting.forEach(needsTurn)
    // A backlog of one webhook at the head must not keep the others waiting for the next round.
    if (
      claims.length + waiting.length > 0 ||
      rows.length < tokens.length ||
      round >= ROUNDS_PAST_PARKED
    )
      return claims
  }
}

const ROUNDS_PAST_PARKED = 50

/** Its neighbours are claimed whatever becomes of it. @returns false when it must be asked for again */
const endCrashedOut = async (database: Database, rows: readonly Row[]): Promise<boolean> => {
  const ids = rows.filter(({ verdict }) => verdict === 'crashed_out').map(({ id }) => id)
  try {
    if (ids.length > 0) await endCrashed(database, ids)
    return true
  } catch (error) {
    if (isTransient(error)) return false
    throw error
  }
}

const shared = ({ timeoutMs, marginMs, graceMs, admissions }: LeaseSettings) => {
  const { webhooks, otherwise, slowRoom } = admissions.view()
  return [
    timeoutMs,
    marginMs,
    CRASH_BUDGET,
    webhooks.map(({ webhookId }) => webhookId),
    webhooks.map(({ inFlight }) => inFlight),
    webhooks.map(({ room }) => room),
    webhooks.map(({ parks }) => parks),
    webhooks.map(({ slow }) => slow),
    [otherwise, slowRoom],
    graceMs,
  ]
}

// At once, before the next batch asks how much room there is.
const tell = (admissions: Admissions, rows: readonly Row[]): void => {
  for (const { verdict, webhook_id: webhookId, id, began } of rows) {
    if (verdict === 'claimed' || verdict === 'repeated') admissions.claimed(webhookId, id)
    else if (verdict === 'capped') admissions.parked(webhookId, began)
  }
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
      // Parked without an end: somebody has to act first.
      if (row.parked !== null && row.next_ms === Infinity)
        return { kind: 'parked', reason: row.parked }
      return { kind: 'not_due', atMs: row.next_ms, dbNowMs: row.now_ms }
    case 'proposed':
    case 'held':
    case 'busy':
      return { kind: 'not_due', atMs: row.next_ms, dbNowMs: row.now_ms }
    case 'needs_turn':
      return { kind: 'needs_turn', ...toNeedsTurn(row) }
    case 'broken':
      return { kind: 'parked', reason: 'breaker_open' }
    case 'capped':
      return { kind: 'parked', reason: 'capped' }
    default:
      return assertNever(verdict)
  }
}

const toNeedsTurn = (row: Row): NeedsTurn => {
  if (row.rate_limit === null) throw new TypeError('a webhook without a rate limit needs no turn')
  return { deliveryId: row.id, webhookId: row.webhook_id, rateLimit: row.rate_limit }
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
  health: {
    probe: row.probe,
    released: row.released,
    opens: row.opens,
    failingForMs: row.failing_for_ms,
  },
})
