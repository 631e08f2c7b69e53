// How a process of a laptop or a container hands deliveries over: through the queue in Redis, or to QStash, which then
// calls POST /internal/qstash of the API.

import type { HandOver, Log, RoutingTable } from '../lib/broker/ports.ts'
import type { Config } from '../lib/config.ts'
import { BrokerError } from '../lib/domain/errors.ts'
import { openPublisher } from '../lib/wiring/publishing.ts'
import { openRedis, type RedisParts } from '../lib/wiring/redis.ts'
import { openReadyRouting } from '../lib/wiring/routing.ts'
import type { Lifecycle } from './lifecycle.ts'

export type Dispatch = {
  /** Undefined when there is no Redis. */
  routing: RoutingTable | undefined
  /** Undefined where QStash dispatches, and where there is no Redis. */
  redis: RedisParts | undefined
  /** QStash, where it dispatches. */
  publish: HandOver | undefined
  handOver: HandOver
  handOverAgain: HandOver
}

/** @throws BrokerError when Redis evicts; a Redis that is away is no reason not to start */
export const openDispatch = async (
  config: Config,
  lifecycle: Lifecycle,
  log: Log,
): Promise<Dispatch> => {
  const publish = openPublisher(config)
  if (publish === undefined) return dispatchOver(await openQueue(config, lifecycle, log))
  const routes = await openReadyRouting({ config, log })
  if (routes !== undefined) {
    lifecycle.onStop('redis', () => {
      routes.close()
      return Promise.resolve()
    })
  }
  // Each generation is new to QStash, so there is nothing to take away before it is handed over again.
  const handOver = publish
  return { routing: routes?.routing, redis: undefined, publish, handOver, handOverAgain: handOver }
}

export const dispatchOver = (redis: RedisParts): Dispatch => ({
  routing: redis.routing,
  redis,
  publish: undefined,
  handOver: redis.queue.feed,
  handOverAgain: redis.queue.replace,
})

/** For a process that cannot do without the queue. The configuration has refused it before. */
export const queueOf = ({ redis }: Dispatch): RedisParts => {
  if (redis === undefined) throw new BrokerError('invalid_request', 'this process needs the queue')
  return redis
}

const openQueue = async (config: Config, lifecycle: Lifecycle, log: Log): Promise<RedisParts> => {
  const redis = openRedis(config.redisUrl ?? '', config, log)
  lifecycle.onStop('redis', redis.close)
  await redis.check()
  return redis
}
