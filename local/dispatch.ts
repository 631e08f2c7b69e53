// How a process of a laptop or a container hands deliveries over: through the queue in Redis, or to QStash, which then
// calls POST /internal/qstash of the API.

import type { Log, RoutingTable } from '../lib/broker/ports.ts'
import type { Config } from '../lib/config.ts'
import { BrokerError } from '../lib/domain/errors.ts'
import { openPublisher, overQstash, type HandingOver } from '../lib/wiring/publishing.ts'
import { openRedis, overQueue, type RedisParts } from '../lib/wiring/redis.ts'
import { openReadyRouting } from '../lib/wiring/routing.ts'
import type { Lifecycle } from './lifecycle.ts'

export type Dispatch = HandingOver & {
  /** Undefined when there is no Redis. */
  routing: RoutingTable | undefined
  /** Undefined where QStash dispatches, and where there is no Redis. */
  redis: RedisParts | undefined
}

/** @throws BrokerError when Redis evicts; a Redis that is away is no reason not to start */
export const openDispatch = async (
  config: Config,
  lifecycle: Lifecycle,
  log: Log,
): Promise<Dispatch> => {
  const publish = openPublisher(config)
  if (publish === undefined) {
    const redis = await openQueue(config, lifecycle, log)
    return { ...overQueue(redis.queue), routing: redis.routing, redis }
  }
  const routes = await openReadyRouting({ config, log })
  if (routes !== undefined) {
    lifecycle.onStop('redis', () => {
      routes.close()
      return Promise.resolve()
    })
  }
  return { ...overQstash(publish), routing: routes?.routing, redis: undefined }
}

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
