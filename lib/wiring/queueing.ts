// The routing table and the queue, for the functions that also enqueue. Separate from serving.ts, which knows no BullMQ.

import type { DeliveryQueue, HandOver, RoutingTable } from '../broker/ports.ts'
import { openRedis } from './redis.ts'
import { openRoutingTable } from './routing.ts'
import type { Opened } from './serving.ts'

export type Queueing = {
  routing: RoutingTable | undefined
  queue: DeliveryQueue | undefined
  handOver: HandOver
  handOverAgain: HandOver
}

/**
 * Opens both, connected or known to be away.
 *
 * @returns without REDIS_URL a hand-over that does nothing: accepted deliveries then wait for the sweep's schedule
 * @throws BrokerError `invalid_request` when the Redis evicts
 */
export const openQueueing = async (opened: Opened): Promise<Queueing> => {
  const { config, log } = opened
  if (config.redisUrl === undefined) {
    const routing = await openRoutingTable(opened)
    const nothing = () => Promise.resolve()
    return { routing, queue: undefined, handOver: nothing, handOverAgain: nothing }
  }
  const redis = openRedis(config.redisUrl, config, log)
  await redis.check()
  const { routing, queue } = redis
  return { routing, queue, handOver: queue.enqueue, handOverAgain: queue.replace }
}
