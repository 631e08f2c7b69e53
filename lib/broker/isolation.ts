// What an attempt that has ended means for its webhook and for those that wait: it may open or close the breaker, it lets
// parked deliveries go, it may end a webhook that has failed for days. Nothing here decides about the delivery itself,
// and nothing here may fail it: what goes wrong is logged, and the sweep brings back what was left.

import { judge, type SendOutcome } from '../domain/attempt.ts'
import { DISABLE_AFTER_MS, openForMs, type Ending } from '../domain/breaker.ts'
import { FIRST_RELEASE, releasedBy } from '../domain/fair-share.ts'
import type { Claim, Clock, HandOver, HealthStore, Log } from './ports.ts'
import type { PublishSoon } from './publish-events.ts'
import type { WebhookGate } from './webhook-gate.ts'

export type IsolationDeps = {
  health: HealthStore
  gate: WebhookGate
  /** Gives what was let go to the queue; what it does not take is due in Postgres all the same. */
  handOver: HandOver
  /** BROKER_BREAKER_OPEN_MS */
  openMs: number
  clock: Pick<Clock, 'wait'>
  /** It has failed for days without one success. */
  disable(claim: Claim): Promise<void>
  publishSoon: PublishSoon
  log: Log
}

/** @param outcome undefined: the attempt ended without a word (the log was away) */
export type AfterAttempt = (claim: Claim, outcome: SendOutcome | undefined) => Promise<void>

export const makeIsolation = (deps: IsolationDeps): AfterAttempt => {
  deps.gate.onLoneBacklog((webhookId) => void begin(deps, webhookId))
  return async (claim, outcome) => {
    const ending = outcome === undefined ? 'says_nothing' : endingOf(outcome)
    const { webhookId, deliveryId } = claim
    const { trips, failures } = deps.gate.ended({ webhookId, deliveryId, ending })
    try {
      await turnBreaker(deps, claim, { ending, trips })
      await noteFailing(deps, claim, { ending, failures })
    } catch (error) {
      deps.log.warn('isolation.postponed', { webhookId, error })
    }
  }
}

/** A backlog that nobody will bring along: the attempts for which it was parked ended while it was being parked. */
const begin = async (deps: IsolationDeps, webhookId: string): Promise<void> => {
  try {
    const { ready } = await deps.health.release(firstOf(deps, webhookId))
    await handOver(deps, ready)
  } catch (error) {
    deps.log.warn('isolation.postponed', { webhookId, error })
  }
}

/** The first of a backlog of which nothing is under way. */
const firstOf = ({ gate }: IsolationDeps, webhookId: string): Asked => ({
  webhookId,
  count: FIRST_RELEASE,
  limit: gate.limitOf(webhookId),
  anew: true,
})

/** A claim that had begun before the end of the backlog may have parked another one after it. */
const lookAgain = async (deps: IsolationDeps, webhookId: string): Promise<void> => {
  await deps.clock.wait(LOOK_AGAIN_MS)
  await begin(deps, webhookId)
}

const LOOK_AGAIN_MS = 500

const endingOf = (outcome: SendOutcome): Ending => {
  if (judge(outcome) === 'succeeded') return 'succeeded'
  if (outcome.kind === 'answered') return 'failed'
  if (outcome.staleConnection || outcome.permanent) return 'says_nothing'
  return outcome.code === 'timeout' ? 'timed_out' : 'failed'
}

type Ended = { ending: Ending; trips: boolean }

const turnBreaker = async (deps: IsolationDeps, claim: Claim, { ending, trips }: Ended) => {
  const { health, gate, log } = deps
  const { webhookId, deliveryId } = claim
  if (claim.health.probe && ending === 'succeeded') {
    gate.parked(webhookId, false)
    const ready = await health.close(webhookId, deliveryId, FIRST_RELEASE)
    log.info('breaker.closed', { webhookId, released: ready.length })
    await handOver(deps, ready)
    // None that was let go will end and bring along who parks from now on: nobody may have to stand in line.
    if (ready.length === 0) await letGo(deps, firstOf(deps, webhookId))
    await deps.publishSoon()
  } else if (claim.health.probe) {
    // One that says nothing is sent again, and is still the probe.
    if (ending !== 'says_nothing') await open(deps, claim, deliveryId)
  } else if (trips) {
    await open(deps, claim, undefined)
  } else if (claim.health.released || gate.hasBacklog(webhookId)) {
    const limit = gate.limitOf(webhookId)
    const count = releasedBy(ending === 'succeeded')
    await letGo(deps, { webhookId, count, limit })
  }
}

type Asked = Parameters<HealthStore['release']>[0]

const letGo = async (deps: IsolationDeps, asked: Asked): Promise<void> => {
  const { health, gate } = deps
  const { webhookId } = asked
  const { ready, drained } = await health.release(asked)
  if (!drained) gate.parked(webhookId, false)
  else if (gate.noBacklog(webhookId)) void lookAgain(deps, webhookId)
  await handOver(deps, ready)
}

const open = async (deps: IsolationDeps, claim: Claim, probeId: string | undefined) => {
  const { webhookId, health } = claim
  const outage = {
    opens: probeId === undefined ? 0 : health.opens,
    failingForMs: health.failingForMs ?? 0,
  }
  const forMs = openForMs(outage, deps.openMs)
  const { opened, probe } = await deps.health.open({ webhookId, openForMs: forMs, probeId })
  if (!opened) return
  deps.log.warn('breaker.opened', { webhookId, openForMs: forMs, opens: outage.opens + 1 })
  if (probe !== undefined) await handOver(deps, [probe])
  // A breaker that stays open is no news.
  if (probeId === undefined) await deps.publishSoon()
}

type Waiting = Parameters<HandOver>[0][number]

const handOver = async (
  deps: IsolationDeps,
  ready: readonly (Omit<Waiting, 'delayMs'> & { delayMs?: number })[],
) => {
  if (ready.length > 0) await deps.handOver(ready.map((one) => ({ delayMs: 0, ...one })))
}

// From here on it is no accident. A process that lives briefly sees it by the steps that the delivery has used.
const FAILURES = 3

const noteFailing = async (
  { health, disable, publishSoon }: IsolationDeps,
  claim: Claim,
  { ending, failures }: { ending: Ending; failures: number },
) => {
  const { failingForMs } = claim.health
  if (ending === 'succeeded') {
    if (failingForMs !== null) await health.succeeded(claim.webhookId)
  } else if (ending !== 'says_nothing') {
    if (failingForMs !== null && failingForMs >= DISABLE_AFTER_MS) {
      await disable(claim)
      await publishSoon()
    } else if (failingForMs === null && (failures >= FAILURES || claim.stepsUsed >= FAILURES - 1))
      await health.failing(claim.webhookId)
  }
}
