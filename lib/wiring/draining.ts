// The role that delivers in bounded runs, for a deployment without servers.

import { makeDrain, type Drain, type DrainDeps, type DrainSummary } from '../broker/drain.ts'
import type { RoutingTable } from '../broker/ports.ts'
import { drainDue } from '../queue/direct.ts'
import { makeJobSource } from '../queue/drain.ts'
import { makeAttempts, makeClaimDue, type AttemptParts } from './attempts.ts'
import { openQueue } from './redis.ts'
import { openReadyRouting, openRoutingLater } from './routing.ts'
import { systemClock } from './runtime.ts'
import type { Opened } from './serving.ts'

// What a run needs after its last attempt: its result, the answer to the queue, and the function's own.
const AFTER_ATTEMPT_MS = 5_000

/**
 * Opens what all runs of a process share.
 *
 * @returns runs one drain; one at a time, as an environment serves one invocation
 * @throws BrokerError `invalid_request` when the Redis evicts
 */
export const openDraining = async (opened: Opened): Promise<Drain> => {
  const shared = await openShared(opened)
  return (remainingMs) => runOnce(opened, shared, remainingMs)
}

const openShared = async (opened: Opened): Promise<Shared> => {
  const { config, log } = opened
  if (config.redisUrl === undefined) {
    const routes = await openReadyRouting(opened)
    const source = { queue: undefined, kickMark: routes?.kickMark }
    return { source, port: undefined, routing: routes?.routing }
  }
  const opening = openQueue(config.redisUrl, config, log)
  await opening.check()
  const source = { queue: takingFrom(opened, opening), kickMark: opening.kickMark }
  return { source, port: opening.queue, routing: openRoutingLater(opened) }
}

const takingFrom = (
  { config, steps, log }: Opened,
  { commands, queue }: ReturnType<typeof openQueue>,
): DrainDeps['queue'] => ({
  port: queue,
  jobs: makeJobSource(
    commands,
    {
      prefix: config.keyPrefix,
      concurrency: config.delivery.concurrency,
      attemptMs: config.delivery.timeoutMs + config.delivery.leaseMarginMs,
    },
    { onTold: () => steps('W8'), nowMs: systemClock.nowMs, log },
  ),
})

type Shared = {
  source: Pick<DrainDeps, 'queue' | 'kickMark'>
  /** Where attempts put what they set free. */
  port: AttemptParts['queue']
  routing: RoutingTable | undefined
}

const runOnce = async (
  opened: Opened,
  { source, port, routing }: Shared,
  remainingMs: number,
): Promise<DrainSummary> => {
  const { config, log, stores, metrics } = opened
  const endsAtMs = systemClock.elapsedMs() + remainingMs - AFTER_ATTEMPT_MS
  // A connection to a receiver does not outlive the pause between two runs, so each run makes its own.
  const { attempts, closeSender } = makeAttempts(config, {
    ...opened,
    routing,
    queue: port,
    // What became due meanwhile is found by the next round, or the next run.
    wake: () => undefined,
    remainingMs: () => endsAtMs - systemClock.elapsedMs(),
  })
  const direct = {
    claimDue: makeClaimDue(stores.deliveryLog),
    run: attempts.claimed,
    runInTurn: attempts.inTurn,
    concurrency: config.delivery.concurrency,
    clock: systemClock,
    log,
  }
  const drain = makeDrain({
    ...source,
    attempt: attempts.byId,
    takeDue: (mayTake, during) => {
      const run: typeof direct.run = (...given) => during(() => attempts.claimed(...given))
      const runInTurn: typeof direct.runInTurn = (one) => during(() => attempts.inTurn(one))
      return drainDue({ ...direct, run, runInTurn }, mayTake)
    },
    settled: stores.deliveryLog.flush,
    attemptMs: config.delivery.timeoutMs + AFTER_ATTEMPT_MS,
    clock: systemClock,
    log,
  })
  try {
    return await drain(remainingMs)
  } finally {
    closeSender()
    metrics.flush()
  }
}
