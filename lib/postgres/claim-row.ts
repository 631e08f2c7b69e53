// What the claim's statements answer, and what that means to the broker.

import type { Claim, ClaimOutcome, NeedsTurn } from '../broker/ports.ts'
import { assertNever } from '../domain/assert-never.ts'
import type { ParkReason } from '../domain/delivery.ts'
import type { RateLimit } from '../domain/webhook.ts'

export type Verdict =
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

/** A claim that was granted. */
export type ClaimedRow = {
  id: string
  token: string
  verdict: 'claimed'
  claimed_ms: number
  lease_ms: number
  created_ms: number
  number: number
  series: number
  steps_used: number
  last_stale: boolean
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
  probe: boolean
  released: boolean
  opens: number
  failing_for_ms: number | null
}

/** Any answer of the whole form. What describes the attempt is there only where it was claimed. */
export type Row = Omit<ClaimedRow, 'verdict'> & {
  verdict: Verdict
  now_ms: number
  next_ms: number
  parked: ParkReason | null
  rate_limit: RateLimit | null
  began: boolean
}

export const toOutcome = (row: Row): ClaimOutcome => {
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

export const toNeedsTurn = (row: Row): NeedsTurn => {
  if (row.rate_limit === null) throw new TypeError('a webhook without a rate limit needs no turn')
  return { deliveryId: row.id, webhookId: row.webhook_id, rateLimit: row.rate_limit }
}

export const toClaim = (row: Omit<ClaimedRow, 'verdict'>): Claim => ({
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
