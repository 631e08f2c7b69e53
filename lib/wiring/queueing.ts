// The routing table and the queue, for the functions that also enqueue. Separate from serving.ts, which knows no BullMQ.

import type { DeliveryQueue, KickMark, RoutingTable } from '../broker/ports.ts'
import { openPublisher, overQstash, type HandingOver } from './publishing.ts'
import { openRedis, overQueue } from './redis.ts'
import { openReadyRouting } from './routing.ts'
import type { Opened } from './serving.ts'

export type Queueing = HandingOver & {
  routing: RoutingTable | undefined
  queue: (DeliveryQueue & { isFull(): Promise<boolean>; depth(): Promise<number> }) | undefined
  /** Also over REST alone: the drain then claims from Postgres. */
  kickMark: KickMark | undefined
}

/**
 * Opens both, connected or known to be away.
 *
 * @returns without REDIS_URL and QStash a hand-over that does nothing: accepted deliveries then wait for the sweep's schedule
 * @throws BrokerError `invalid_request` when the Redis evicts
 */
export const openQueueing = async (opened: Opened): Promise<Queueing> => {
  const { config, log } = opened
  const publish = openPublisher(config)
  if (config.redisUrl === undefined || publish !== undefined) {
    const routes = await openReadyRouting(opened)
    return {
      ...overQstash(publish ?? (() => Promise.resolve())),
      publish,
      routing: routes?.routing,
      queue: undefined,
      // QStash needs nobody to wake it.
      kickMark: publish === undefined ? routes?.kickMark : undefined,
    }
  }
  const redis = openRedis(config.redisUrl, config, log)
  await redis.check()
  const { routing, queue, kickMark } = redis
  return { routing, queue, kickMark, ...overQueue(queue) }
}
