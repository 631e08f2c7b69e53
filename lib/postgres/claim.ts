// W2, the claim: a compare-and-set that is at once the "picked up" record, the lease and the fence of an attempt.
// It is committed before any byte is sent. Batched across jobs; rows are locked in id order and never waited for.

import type { Admissions, Claim, ClaimOutcome, NeedsTurn } from '../broker/ports.ts'
import { CRASH_BUDGET } from '../domain/delivery.ts'
import { toClaim, toNeedsTurn, toOutcome, type ClaimedRow, type Row } from './claim-row.ts'
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

/** Claims a batch, and parks, ends or refuses what may not be claimed; no two requests name the same delivery.
 *  @returns the outcome of each, by its delivery */
export const claimBatch = async (
  database: Database,
  requests: readonly ClaimRequest[],
  lease: LeaseSettings,
): Promise<Map<string, ClaimOutcome>> => {
  const rows = await database.query<Row>(
    CLAIM_BY_ID,
    [...claimValues(lease, requests), lease.graceMs],
    'kept',
  )
  tell(lease.admissions, rows)
  const ended = await endCrashedOut(database, rows)
  const crashed: ClaimOutcome = { kind: ended ? 'finished' : 'locked' }
  return new Map(
    rows.map((row) => [row.id, row.verdict === 'crashed_out' ? crashed : toOutcome(row)]),
  )
}

/** What a claim by id is given, in the order of its parameters. */
export const claimValues = (lease: LeaseSettings, requests: readonly ClaimRequest[]): unknown[] => [
  ...shared(lease, requests.length),
  requests.map((request) => request.deliveryId),
  requests.map((request) => request.token),
  requests.map((request) => request.hasTurn),
]

/** Claims what is due now, at most one delivery per token. Goes on past what may not be attempted. */
export const claimDue = async (
  database: Database,
  tokens: readonly string[],
  { lease, needsTurn }: { lease: LeaseSettings; needsTurn: (delivery: NeedsTurn) => void },
): Promise<Claim[]> => {
  if (tokens.length === 0) return []
  for (let round = 0; ; round += 1) {
    const rows = await database.query<Row>(
      CLAIM_DUE,
      [...shared(lease, tokens.length), [...tokens], lease.graceMs],
      'kept',
    )
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

const shared = ({ timeoutMs, marginMs, admissions }: LeaseSettings, claims: number) => {
  const { webhooks, otherwise, slowRoom } = admissions.view(claims)
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
  ]
}

/** At once, before the next batch asks how much room there is. */
export const tell = (admissions: Admissions, rows: readonly (Row | ClaimedRow)[]): void => {
  for (const row of rows) {
    if (row.verdict === 'claimed' || row.verdict === 'repeated')
      admissions.claimed(row.webhook_id, row.id)
    else if (row.verdict === 'capped') admissions.parked(row.webhook_id, row.began)
  }
}
