// One attempt of a delivery, read top to bottom: claim it, send it, judge it, record it, tell the queue.
// The claim is committed before any byte is sent, the result before the queue hears of it.

import { assertNever } from '../domain/assert-never.ts'
import { planAfter, type Plan, type SendOutcome } from '../domain/attempt.ts'
import { BrokerError } from '../domain/errors.ts'
import { LATE_MS } from '../domain/rate-limit.ts'
import type { RetrySchedule } from '../domain/retry-schedule.ts'
import type { SecretBox } from '../domain/secret-box.ts'
import type { RateLimit } from '../domain/webhook.ts'
import { attemptHeaders } from './attempt-headers.ts'
import { makeLease, type Lease, type LeaseDeps } from './lease.ts'
import { tellDisabled } from './disable-webhook.ts'
import type { AfterAttempt } from './isolation.ts'
import type { PublishSoon } from './publish-events.ts'
import type {
  AttemptResult,
  Claim,
  DeliveryLog,
  IdSource,
  JobVerdict,
  NeedsTurn,
  Random,
  Recorded,
  Refusal,
  Sender,
  Steps,
} from './ports.ts'
import type { RoutingDeps } from './routing.ts'
import type { Turns } from './turns.ts'

export type AttemptDeps = RoutingDeps &
  LeaseDeps & {
    deliveryLog: Pick<DeliveryLog, 'claim' | 'record' | 'postpone'>
    turns: Turns
    sender: Sender
    secretBox: Pick<SecretBox, 'open'>
    random: Random
    ids: IdSource
    schedule: RetrySchedule
    jitter: number
    userAgent: string
    /** What the attempt means for its webhook and for those that wait. Never rejects. */
    afterAttempt: AfterAttempt
    publishSoon: PublishSoon
    steps: Steps
  }

export type AttemptDelivery = {
  /** For a job of the queue. @throws BrokerError `log_unavailable` when Postgres does not answer */
  byId(deliveryId: string): Promise<JobVerdict>
  /** For the direct dispatcher, which claims by itself. @param startedMs `elapsedMs` before the claim was asked for */
  claimed(claim: Claim, startedMs: number): Promise<JobVerdict>
  /** For the direct dispatcher as well: one that it may not claim without a turn. */
  inTurn(delivery: NeedsTurn): Promise<JobVerdict>
}

/** A retry within this is kept by the queue; a later one lives in Postgres only and the sweep enqueues it when due. */
export const QUEUE_HORIZON_MS = 600_000

const LOCKED_DELAY_MS = 1_000
// An attempt whose lease ran out before the first byte was sent cost the receiver nothing, and costs no step.
const UNSENT_DELAY_MS = 1_000
const RECORD_RETRY_MS = 200
// The lease goes on while a claimed delivery waits for its turn.
const LONGEST_WAIT_MS = 1_000

const DONE: JobVerdict = { kind: 'done' }

export const makeAttemptDelivery = (deps: AttemptDeps): AttemptDelivery => ({
  byId: async (deliveryId) => {
    deps.steps('W1')
    const startedMs = deps.clock.elapsedMs()
    const outcome = await deps.deliveryLog.claim(deliveryId, deps.ids.token())
    if (outcome.kind === 'claimed') return attempt(deps, outcome.claim, startedMs)
    return outcome.kind === 'needs_turn' ? attemptInTurn(deps, outcome) : afterRefusal(outcome)
  },
  claimed: (claim, startedMs) => attempt(deps, claim, startedMs),
  inTurn: (delivery) => attemptInTurn(deps, delivery),
})

/** Its webhook has a rate limit. A turn that is near is claimed for and waited for; a later one costs no attempt. */
const attemptInTurn = async (
  deps: AttemptDeps,
  { deliveryId, webhookId, rateLimit }: NeedsTurn,
): Promise<JobVerdict> => {
  const turn = await deps.turns.take(webhookId, rateLimit)
  if (turn.kind === 'later') {
    await deps.deliveryLog.postpone(deliveryId, turn.waitMs)
    return laterOrDone(turn.waitMs)
  }
  const startedMs = deps.clock.elapsedMs()
  const outcome = await deps.deliveryLog.claim(deliveryId, deps.ids.token(), true)
  if (outcome.kind === 'claimed') {
    await comeInTurn(deps, outcome.claim, { rateLimit, turnMs: startedMs + turn.waitMs })
    return attempt(deps, outcome.claim, startedMs)
  }
  return outcome.kind === 'needs_turn' ? laterOrDone(0) : afterRefusal(outcome)
}

/** Waits for the turn. If the claim took so long that it is over, for another one: those who were held up together must
 *  not go out together. */
const comeInTurn = async (
  { clock, turns }: AttemptDeps,
  { webhookId }: Claim,
  { rateLimit, turnMs }: { rateLimit: RateLimit; turnMs: number },
) => {
  const leftMs = turnMs - clock.elapsedMs()
  if (leftMs > 0) await clock.wait(leftMs)
  if (clock.elapsedMs() - turnMs <= LATE_MS) return
  const { waitMs } = await turns.take(webhookId, rateLimit, true)
  if (waitMs > 0) await clock.wait(Math.min(waitMs, LONGEST_WAIT_MS))
}

const afterRefusal = (refusal: Exclude<Refusal, { kind: 'needs_turn' }>): JobVerdict => {
  switch (refusal.kind) {
    case 'finished':
    case 'gone':
    case 'parked':
      return DONE
    case 'locked':
      return { kind: 'later', delayMs: LOCKED_DELAY_MS }
    case 'leased':
      return laterOrDone(refusal.untilMs - refusal.dbNowMs)
    case 'not_due':
      return laterOrDone(refusal.atMs - refusal.dbNowMs)
    default:
      return assertNever(refusal)
  }
}

const laterOrDone = (delayMs: number): JobVerdict =>
  delayMs > QUEUE_HORIZON_MS ? DONE : { kind: 'later', delayMs: Math.max(1, delayMs) }

const attempt = async (deps: AttemptDeps, claim: Claim, startedMs: number): Promise<JobVerdict> => {
  deps.steps('W2')
  let outcome: SendOutcome | undefined
  try {
    const made = await makeAttempt(deps, claim, startedMs)
    outcome = made.outcome
    return made.verdict
  } finally {
    await deps.afterAttempt(claim, outcome)
  }
}

const makeAttempt = async (deps: AttemptDeps, claim: Claim, startedMs: number) => {
  const lease = makeLease(deps, claim, startedMs)
  const { outcome, durationMs, firstByteMs } = await send(deps, claim, lease)
  deps.steps('W6')
  const plan: Plan = lease.lostBeforeSending()
    ? { kind: 'retry', delayMs: UNSENT_DELAY_MS, usesStep: false }
    : planAfter({
        outcome,
        schedule: deps.schedule,
        stepsUsed: claim.stepsUsed,
        jitter: deps.jitter,
        random: deps.random.fraction(),
        nowMs: deps.clock.nowMs(),
        previousWasStale: claim.previousWasStale,
      })
  const recorded = await record(deps, { claim, outcome, durationMs, plan }, lease)
  deps.steps('W7')
  await tellDisabled(deps, {
    webhookId: claim.webhookId,
    reason: 'gone',
    change: recorded.disabled,
  })
  if (recorded.noted || recorded.disabled !== null) await deps.publishSoon()
  logFinished(deps, { claim, outcome, durationMs, firstByteMs, plan, recorded })
  // An attempt that was not sent says nothing about the receiver.
  const told = lease.lostBeforeSending() ? undefined : outcome
  return { verdict: verdictAfter(plan, recorded), outcome: told }
}

const send = async (deps: AttemptDeps, claim: Claim, lease: Lease) => {
  const headers = attemptHeaders(deps, claim, lease.dbNowMs())
  deps.steps('W3')
  const startedMs = deps.clock.elapsedMs()
  let firstByteMs: number | null = null
  const outcome = await deps.sender.send({
    url: claim.webhookUrl,
    headers,
    body: claim.payload,
    timeoutMs: claim.timeoutMs,
    mayStillSend: () => {
      const mayStillSend = lease.mayStillSend()
      deps.steps('W4')
      return mayStillSend
    },
    onWritten: () => {
      firstByteMs = lease.dbNowMs() - claim.createdAtMs
      deps.steps('W5')
    },
  })
  return { outcome, durationMs: deps.clock.elapsedMs() - startedMs, firstByteMs }
}

/** W7 until the lease ends: the receiver has spoken, and only a lost lease is a reason to forget what it said. */
const record = async (
  deps: AttemptDeps,
  result: AttemptResult,
  lease: Lease,
): Promise<Recorded> => {
  for (;;) {
    try {
      return await deps.deliveryLog.record(result)
    } catch (error) {
      const passing = error instanceof BrokerError && error.code === 'log_unavailable'
      if (!passing || lease.over()) throw error
      await deps.clock.wait(RECORD_RETRY_MS)
    }
  }
}

const verdictAfter = (plan: Plan, recorded: Recorded): JobVerdict => {
  if (plan.kind !== 'retry' || recorded.fenced || recorded.nextAttemptAtMs === null) return DONE
  const delayMs = Math.max(0, recorded.nextAttemptAtMs - recorded.dbNowMs)
  return delayMs > QUEUE_HORIZON_MS
    ? DONE
    : { kind: 'retry', delayMs, generation: recorded.generation }
}

type Finished = {
  claim: Claim
  outcome: SendOutcome
  durationMs: number
  /** From the accept to the first byte of this attempt; null when none was sent. */
  firstByteMs: number | null
  plan: Plan
  recorded: Recorded
}

// How fresh the delivery is; a replay's age says nothing about that.
const sinceAccepted = (claim: Claim, firstByteMs: number | null, recorded: Recorded) =>
  claim.series === 1 && recorded.dbNowMs > 0
    ? {
        firstByteMs: firstByteMs === null ? null : Math.max(0, Math.round(firstByteMs)),
        sinceAcceptedMs: Math.max(0, Math.round(recorded.dbNowMs - claim.createdAtMs)),
      }
    : {}

const logFinished = (
  { log }: AttemptDeps,
  { claim, outcome, durationMs, firstByteMs, plan, recorded }: Finished,
) => {
  const fields = {
    deliveryId: claim.deliveryId,
    messageId: claim.messageId,
    webhookId: claim.webhookId,
    attempt: claim.attemptNumber,
    code: outcome.kind === 'answered' ? 'http_status' : outcome.code,
    statusCode: outcome.kind === 'answered' ? outcome.response.statusCode : null,
    durationMs: Math.round(durationMs),
    ...sinceAccepted(claim, firstByteMs, recorded),
    plan: plan.kind,
    status: recorded.status,
    fenced: recorded.fenced,
  }
  log.info('attempt.finished', fields)
  if (recorded.status === 'dead' && plan.kind === 'dead') {
    log.warn('delivery.dead', { deliveryId: claim.deliveryId, reason: plan.reason })
  }
}
