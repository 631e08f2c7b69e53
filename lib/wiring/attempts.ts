// What whoever attempts deliveries needs: the worker, the direct dispatcher, the scheduled drain and what QStash calls. It
// knows no queue, so that the function which QStash calls carries none.

import { makeAttemptDelivery, type AttemptDeps } from '../broker/attempt-delivery.ts'
import { disableFailing } from '../broker/disable-webhook.ts'
import { makeIsolation } from '../broker/isolation.ts'
import type {
  DeliveryQueue,
  HandOver,
  Log,
  NeedsTurn,
  RoutingTable,
  SharedTurns,
  Steps,
} from '../broker/ports.ts'
import { makePublishSoon } from '../broker/publish-events.ts'
import { makeTurns } from '../broker/turns.ts'
import type { Config } from '../config.ts'
import { makeSecretBox } from '../domain/secret-box.ts'
import { makeSender } from '../sender/webhook-sender.ts'
import { tracedSender } from '../tracing.ts'
import { openPatience } from './publishing.ts'
import { makeIds, makeRandom, systemClock } from './runtime.ts'
import type { Stores } from './stores.ts'
import { USER_AGENT } from './version.ts'

export type AttemptParts = {
  stores: Stores
  routing: RoutingTable | undefined
  /** Undefined for a broker without Redis. */
  queue: (Pick<DeliveryQueue, 'enqueue'> & { turns: SharedTurns }) | undefined
  /** Those of the queue when absent; without either the process keeps its own share of a limit. */
  turns?: SharedTurns | undefined
  /** QStash, where it dispatches. */
  publish?: HandOver | undefined
  /** Without a queue and QStash: parked deliveries have become due. */
  wake(): void
  steps: Steps
  log: Log
} & Pick<AttemptDeps, 'remainingMs'>

/** @returns the use case, and what closes its connections to receivers */
export const makeAttempts = (config: Config, parts: AttemptParts) => {
  const { stores, routing, queue, publish, log } = parts
  const { delivery } = config
  const random = makeRandom()
  const sender = makeSender({ policy: delivery, clock: systemClock })
  const patience = openPatience(parts)
  const shared = { webhooks: stores.webhooks, routing, patience, log }
  const enqueue = publish ?? queue?.enqueue
  const handOver: HandOver = async (ready) => {
    if (enqueue === undefined) parts.wake()
    else await enqueue(ready)
  }
  const publishSoon = makePublishSoon({ ...parts, ...stores, patience, handOver })
  const attempts = makeAttemptDelivery({
    ...shared,
    publishSoon,
    deliveryLog: stores.deliveryLog,
    sender: tracedSender(sender),
    secretBox: makeSecretBox(config.secretKeys),
    clock: systemClock,
    random,
    ids: makeIds(systemClock, random),
    schedule: delivery.schedule,
    jitter: delivery.jitter,
    userAgent: USER_AGENT,
    turns: makeTurns({ shared: parts.turns ?? queue?.turns, patience, clock: systemClock }),
    afterAttempt: makeIsolation({
      health: stores.health,
      gate: stores.gate,
      handOver: async (ready) => {
        await patience.handOver().attempt(() => handOver(ready))
      },
      publishSoon,
      clock: systemClock,
      openMs: delivery.breakerOpenMs,
      disable: ({ webhookId }) => disableFailing(shared, webhookId),
      log,
    }),
    ...(parts.remainingMs === undefined ? {} : { remainingMs: parts.remainingMs }),
    steps: parts.steps,
  })
  return { attempts, closeSender: sender.close }
}

/** Claims for the direct dispatcher, with the time before they were asked for, from which leases are counted. */
export const makeClaimDue = (deliveryLog: Stores['deliveryLog']) => {
  const ids = makeIds(systemClock, makeRandom())
  return async (slots: number) => {
    const startedMs = systemClock.elapsedMs()
    const tokens = Array.from({ length: slots }, ids.token)
    const needTurn: NeedsTurn[] = []
    const claims = await deliveryLog.claimDue(tokens, (delivery) => {
      needTurn.push(delivery)
    })
    return { claims, startedMs, needTurn }
  }
}
