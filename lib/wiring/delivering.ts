// The role that delivers: attempts, taken from the queue or straight from Postgres.

import type { AttemptDelivery } from '../broker/attempt-delivery.ts'
import type { DeliveryQueue, Log, RoutingTable, SharedTurns, Steps } from '../broker/ports.ts'
import type { Config } from '../config.ts'
import { startDirect, type DirectDispatcher } from '../queue/direct.ts'
import { makeFailover } from '../queue/failover.ts'
import { startWorker } from '../queue/worker.ts'
import { makeAttempts, makeClaimDue } from './attempts.ts'
import { watchMemory } from './memory.ts'
import { systemClock } from './runtime.ts'
import type { Stores } from './stores.ts'

type QueuePort = Pick<DeliveryQueue, 'enqueue' | 'holdsIncarnation'> & {
  turns: SharedTurns
}

export type DeliveringParts = {
  stores: Stores
  routing: RoutingTable | undefined
  /** Undefined for a broker without Redis: then it delivers straight from Postgres. */
  queue: { url: string; port: QueuePort } | undefined
  steps: Steps
  log: Log
}

export type Delivering = {
  /** An accepted delivery may be due: matters only to the direct dispatcher in the same process. */
  wake(): void
  /** Takes nothing more, lets attempts end, and leaves what does not end in time to its lease. */
  close(timeoutMs: number): Promise<void>
}

const POLL_MS = 500
// Commands cost money, so a worker asks a Redis that seems well once in two minutes; more often only where the repair
// runs more often, too, because whoever pays for that wants a frozen Redis noticed sooner.
const HEARTBEAT_MS = 120_000

export const startDelivering = (config: Config, parts: DeliveringParts): Delivering => {
  const { log, queue } = parts
  const { attempts, closeSender } = makeAttempts(config, {
    ...parts,
    queue: queue?.port,
    // Asked for only when an attempt has ended, and there is none before the dispatcher stands.
    wake: () => direct.wake(),
  })
  const direct = startDirect({
    claimDue: makeClaimDue(parts.stores.deliveryLog),
    run: attempts.claimed,
    runInTurn: attempts.inTurn,
    concurrency: config.delivery.concurrency,
    mayTake: () => !memory.isShort(),
    pollMs: POLL_MS,
    clock: systemClock,
    log,
  })
  const onQueue =
    queue === undefined
      ? startWithoutQueue(direct, log)
      : startQueue(config, { parts, queue, direct, attempts })
  const memory = watchMemory({ onChange: onQueue.hold, log })
  return {
    wake: direct.wake,
    close: async (timeoutMs) => {
      memory.close()
      await Promise.all([onQueue.close(timeoutMs), bounded(direct.close(), timeoutMs)])
      closeSender()
      await parts.stores.deliveryLog.flush()
    },
  }
}

type OnQueue = { hold(on: boolean): void; close(timeoutMs: number): Promise<void> }

const startWithoutQueue = (direct: DirectDispatcher, log: Log): OnQueue => {
  direct.resume()
  log.info('dispatcher.direct', { reason: 'there is no Redis' })
  return { hold: () => undefined, close: () => Promise.resolve() }
}

type QueueParts = {
  parts: DeliveringParts
  queue: NonNullable<DeliveringParts['queue']>
  direct: DirectDispatcher
  attempts: AttemptDelivery
}

const startQueue = (config: Config, { parts, queue, direct, attempts }: QueueParts): OnQueue => {
  const { delivery } = config
  const failover = makeFailover({
    direct,
    holdsIncarnation: queue.port.holdsIncarnation,
    heartbeatMs: Math.min(HEARTBEAT_MS, 2 * config.sweep.intervalMs),
    clock: systemClock,
    log: parts.log,
  })
  const worker = startWorker(
    {
      redisUrl: queue.url,
      prefix: config.keyPrefix,
      concurrency: delivery.concurrency,
      attemptMs: delivery.timeoutMs + delivery.leaseMarginMs,
    },
    {
      attempt: attempts.byId,
      onConnection: failover.onConnection,
      onTold: () => parts.steps('W8'),
      clock: systemClock,
      log: parts.log,
    },
  )
  return {
    hold: worker.hold,
    close: async (timeoutMs) => {
      failover.close()
      await worker.close(timeoutMs)
    },
  }
}

const bounded = async (work: Promise<void>, timeoutMs: number): Promise<void> => {
  const done = new AbortController()
  await Promise.race([work, systemClock.wait(timeoutMs, done.signal)])
  done.abort()
}
