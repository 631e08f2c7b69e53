// An attempt: one HTTP request of a delivery. This file judges how it ended and plans what follows; it does nothing.

import { assertNever } from './assert-never.ts'
import type { DeadReason } from './delivery.ts'
import { nextDelayMs, parseRetryAfter, type RetrySchedule } from './retry-schedule.ts'

/** Short and stable: part of the API, of metrics and of alert rules. */
export type OutcomeCode =
  'http_status' | 'timeout' | 'dns' | 'refused' | 'reset' | 'tls' | 'blocked_address' | 'protocol'

/** Everything about a response that is kept. `body` is the first 8 KiB at most. */
export type ReceivedResponse = {
  statusCode: number
  headers: Record<string, string>
  body: Uint8Array
  /** The status arrived but the body did not end properly: noted, and no reason to send again (O-RETRY-5). */
  bodyBroken: boolean
}

/** What came back from one request: an HTTP answer, or the reason why there is none. */
export type SendOutcome =
  | { kind: 'answered'; response: ReceivedResponse }
  | {
      kind: 'failed'
      code: Exclude<OutcomeCode, 'http_status'>
      /** For the log of the delivery; never an address that a name resolved to. */
      detail: string
      /** The URL itself names a forbidden address, so no later attempt can differ. */
      permanent: boolean
      /** The peer closed an idle connection under us, before any byte of an answer (O-RETRY-6). */
      staleConnection: boolean
    }

export type Verdict = 'succeeded' | 'retry' | 'gone' | 'blocked'

/** 2xx succeeds; 410 ends the webhook; everything else is worth another attempt (O-RETRY-2). */
export const judge = (outcome: SendOutcome): Verdict => {
  switch (outcome.kind) {
    case 'answered': {
      const { statusCode } = outcome.response
      if (statusCode >= 200 && statusCode <= 299) return 'succeeded'
      return statusCode === 410 ? 'gone' : 'retry'
    }
    case 'failed':
      return outcome.permanent ? 'blocked' : 'retry'
    default:
      return assertNever(outcome)
  }
}

/** What follows an attempt. The log turns `delayMs` into a time by the database clock. */
export type Plan =
  | { kind: 'delivered' }
  | { kind: 'retry'; delayMs: number; usesStep: boolean }
  | { kind: 'dead'; reason: DeadReason; disablesWebhook: boolean }

export type PlanInput = {
  outcome: SendOutcome
  schedule: RetrySchedule
  /** Steps of the schedule that this series has used. */
  stepsUsed: number
  jitter: number
  /** A number in [0, 1), injected. */
  random: number
  /** By the clock of the process, to read a Retry-After date. */
  nowMs: number
  /** Whether the attempt before this one was already repeated at once for a stale connection. */
  previousWasStale: boolean
}

/**
 * Decides what follows an attempt.
 *
 * A stale keep-alive connection says nothing about the receiver, so the next attempt is due at once and costs no step
 * of the schedule; a second one in a row is treated like any reset, so that this cannot go on for ever.
 */
export const planAfter = (input: PlanInput): Plan => {
  const verdict = judge(input.outcome)
  switch (verdict) {
    case 'succeeded':
      return { kind: 'delivered' }
    case 'gone':
      return { kind: 'dead', reason: 'gone', disablesWebhook: true }
    case 'blocked':
      return { kind: 'dead', reason: 'blocked_address', disablesWebhook: false }
    case 'retry':
      return planRetry(input)
    default:
      return assertNever(verdict)
  }
}

const planRetry = (input: PlanInput): Plan => {
  const { outcome } = input
  if (outcome.kind === 'failed' && outcome.staleConnection && !input.previousWasStale) {
    return { kind: 'retry', delayMs: 0, usesStep: false }
  }
  const retryAfterMs =
    outcome.kind === 'answered'
      ? parseRetryAfter(outcome.response.headers['retry-after'], input.nowMs)
      : undefined
  const delayMs = nextDelayMs({ ...input, retryAfterMs })
  if (delayMs === undefined) {
    return { kind: 'dead', reason: 'schedule_exhausted', disablesWebhook: false }
  }
  return { kind: 'retry', delayMs, usesStep: true }
}
