// A turn of a worker: what it wants to claim and what it has to record, committed together. What is usual goes in one
// statement; the rest is judged by the whole forms right after it.

import type { AttemptResult, ClaimOutcome, Recorded } from '../broker/ports.ts'
import { toClaim, type ClaimedRow } from './claim-row.ts'
import { claimBatch, claimValues, tell, type ClaimRequest, type LeaseSettings } from './claim.ts'
import type { Database } from './database.ts'
import { GONE, recordBatch, toRecorded, values, type RecordSettings } from './record.ts'
import { CLAIMS, CLAIMS_AND_RESULTS, RESULTS, SUCCESS } from './turn-sql.ts'

export type TurnSettings = LeaseSettings & RecordSettings

export type Wish =
  { kind: 'claim'; request: ClaimRequest } | { kind: 'record'; result: AttemptResult }

export type Granted =
  { kind: 'claim'; outcome: ClaimOutcome } | { kind: 'record'; recorded: Recorded }

export const deliveryOf = (wish: Wish): string =>
  wish.kind === 'claim' ? wish.request.deliveryId : wish.result.claim.deliveryId

const SUCCESS_COLUMNS = Object.keys(SUCCESS) as (keyof typeof SUCCESS)[]
// What the usual form says of all that it records.
const DELIVERED = { status: 'delivered', fenced: false, next_ms: null } as const

type RecordedRow = { id: string; verdict: 'recorded'; generation: number; now_ms: number }

/** Commits a batch of wishes; no two name the same delivery. @returns one answer per wish, in order */
export const takeTurn = async (
  database: Database,
  wishes: readonly Wish[],
  settings: TurnSettings,
): Promise<Granted[]> => {
  const requests = wishes.flatMap((wish) => (wish.kind === 'claim' ? [wish.request] : []))
  const results = wishes.flatMap((wish) => (wish.kind === 'record' ? [wish.result] : []))
  const outcomes = new Map<string, ClaimOutcome>()
  const recorded = new Map<string, Recorded>()
  for (const row of await usual(database, { requests, results }, settings)) {
    if (row.verdict === 'claimed') outcomes.set(row.id, { kind: 'claimed', claim: toClaim(row) })
    else recorded.set(row.id, toRecorded({ ...row, ...DELIVERED }))
  }
  const unrecorded = results.filter(({ claim }) => !recorded.has(claim.deliveryId))
  if (unrecorded.length > 0) merge(recorded, await recordBatch(database, unrecorded, settings))
  const unclaimed = requests.filter(({ deliveryId }) => !outcomes.has(deliveryId))
  if (unclaimed.length > 0) merge(outcomes, await claimBatch(database, unclaimed, settings))
  return wishes.map((wish) =>
    wish.kind === 'claim'
      ? { kind: 'claim', outcome: outcomes.get(deliveryOf(wish)) ?? { kind: 'gone' } }
      : { kind: 'record', recorded: recorded.get(deliveryOf(wish)) ?? GONE },
  )
}

type Turn = { requests: readonly ClaimRequest[]; results: readonly AttemptResult[] }

const usual = async (
  database: Database,
  { requests, results }: Turn,
  settings: TurnSettings,
): Promise<(ClaimedRow | RecordedRow)[]> => {
  const delivered = results.filter(({ plan }) => plan.kind === 'delivered')
  const claims = requests.length > 0 ? claimValues(settings, requests) : []
  const successes = delivered.length > 0 ? values(SUCCESS_COLUMNS, delivered) : []
  const text = textOf(claims.length > 0, successes.length > 0)
  if (text === undefined) return []
  const rows = await database.query<ClaimedRow | RecordedRow>(
    text,
    [...claims, ...successes],
    'kept',
  )
  tell(
    settings.admissions,
    rows.filter((row) => row.verdict === 'claimed'),
  )
  return rows
}

const textOf = (claims: boolean, results: boolean): string | undefined => {
  if (claims) return results ? CLAIMS_AND_RESULTS : CLAIMS
  return results ? RESULTS : undefined
}

const merge = <Value>(into: Map<string, Value>, from: Map<string, Value>): void => {
  for (const [id, value] of from) into.set(id, value)
}
