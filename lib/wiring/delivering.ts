// The role that delivers: attempts, taken from the queue or straight from Postgres.

import { makeAttemptDelivery, type AttemptDelivery } from '../broker/attempt-delivery.ts'
import { disableWebhook } from '../broker/disable-webhook.ts'
import { makeIsolation } from '../broker/isolation.ts'
import { makePatience, REDIS_BUDGET_MS } from '../broker/patience.ts'
import type { Log, NeedsTurn, RoutingTable, SharedTurns, Steps } from '../broker/ports.ts'
import { makeTurns } from '../broker/turns.ts'
import type { Config } from '../config.ts'
import { makeSecretBox } from '../domain/secret-box.ts'
import { startDirect, type DirectDispatcher } from '../queue/direct.ts'
import { makeFailover } from '../queue/failover.ts'
import { startWorker } from '../queue/worker.ts'
import type { DeliveryQueue } from '../broker/ports.ts'
import { makeSender } from '../sender/webhook-sender.ts'
import { tracedSender } from '../tracing.ts'
import { watchMemory } from './memory.ts'
import { makeIds, makeRandom, systemClock } from './runtime.ts'
import type { Stores } from './stores.ts'
import { USER_AGENT } from './version.ts'

type QueuePort = Pick<DeliveryQueue, 'enqueue' | 'incarnation' | 'raiseIncarnation'> & {
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
  const ids = makeIds(systemClock, makeRandom())
  // Asked for only when an attempt has ended, and there is none before the dispatcher stands.
  const { attempts, closeSender } = makeAttempts(config, parts, () => direct.wake())
  const direct = startDirect({
    claimDue: async (slots) => {
      const startedMs = systemClock.elapsedMs()
      const tokens = Array.from({ length: slots }, ids.token)
      const needTurn: NeedsTurn[] = []
      const claims = await parts.stores.deliveryLog.claimDue(tokens, (delivery) => {
        needTurn.push(delivery)
      })
      return { claims, startedMs, needTurn }
    },
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

const makeAttempts = (
  config: Config,
  { stores, routing, queue, steps, log }: DeliveringParts,
  wake: () => void,
) => {
  const { delivery } = config
  const random = makeRandom()
  const sender = makeSender({ policy: delivery, clock: systemClock })
  const patience = makePatience({ clock: systemClock, log })
  const shared = { webhooks: stores.webhooks, routing, patience, log }
  const attempts = makeAttemptDelivery({
    ...shared,
    deliveryLog: stores.deliveryLog,
    sender: tracedSender(sender),
    secretBox: makeSecretBox(config.secretKeys),
    clock: systemClock,
    random,
    ids: makeIds(systemClock, random),
    schedule: delivery.schedule,
    jitter: delivery.jitter,
    userAgent: USER_AGENT,
    turns: makeTurns({ shared: queue?.port.turns, patience, clock: systemClock }),
    afterAttempt: makeIsolation({
      health: stores.health,
      gate: stores.gate,
      handOver: async (ready) => {
        if (queue === undefined) wake()
        else await patience.start(REDIS_BUDGET_MS).attempt(() => queue.port.enqueue(ready))
      },
      clock: systemClock,
      openMs: delivery.breakerOpenMs,
      disable: ({ webhookId }) => disableWebhook(shared, webhookId, 'failing'),
      log,
    }),
    steps,
  })
  return { attempts, closeSender: sender.close }
}

/** Whether Redis holds the counter. Writes it as it is, because a Redis that is full, or only a replica, still answers
 *  whoever reads, and yet takes no job and gives none away. Never brings a lost counter back. */
const holdsIncarnation = async (queue: QueuePort): Promise<boolean> => {
  const held = await queue.incarnation()
  if (held !== undefined) await queue.raiseIncarnation(held, held)
  return held !== undefined
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
    holdsIncarnation: () => holdsIncarnation(queue.port),
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
