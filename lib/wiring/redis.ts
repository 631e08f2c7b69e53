// The two things that Redis is used for, as one process holds them: the routing table and the queue.

import type { KickMark, Log, RoutingTable } from '../broker/ports.ts'
import type { Config } from '../config.ts'
import { checkRedis } from '../queue/check-redis.ts'
import { makeDeliveryQueue, type ClosableDeliveryQueue } from '../queue/delivery-queue.ts'
import { makeHighWater, type HighWater } from '../queue/limits/high-water.ts'
import { connectQueue } from '../queue/options.ts'
import { openRouting, untilReady } from './routing.ts'
import { systemClock } from './runtime.ts'

export type RedisParts = {
  url: string
  routing: RoutingTable
  queue: ClosableDeliveryQueue & HighWater
  kickMark: KickMark
  /** Refuses a Redis that evicts. @throws BrokerError `invalid_request` */
  check(): Promise<void>
  ping(): Promise<boolean>
  close(): Promise<void>
}

export const openRedis = (url: string, config: Config, log: Log): RedisParts => {
  const routes = openRouting(url, config, log)
  const commands = connectQueue(url, config.mode === 'lambda' ? 'function' : 'commands', log)
  const queue = makeDeliveryQueue(commands, config.keyPrefix)
  const highWater = makeHighWater({
    ...queue,
    limit: config.queueHighWater,
    clock: systemClock,
    onFull: (depth) => log.warn('queue.full', { depth, effect: 'the sweep adds what is accepted' }),
  })
  return {
    url,
    routing: routes.routing,
    queue: { ...queue, ...highWater },
    kickMark: routes.kickMark,
    check: async () => {
      await Promise.all([untilReady(commands), routes.ready()])
      const policy = await checkRedis(commands)
      if (policy === 'unknown') {
        log.warn('redis.policy_unknown', { advice: 'see that maxmemory-policy is noeviction' })
      }
    },
    ping: async () => {
      await commands.ping()
      return true
    },
    close: async () => {
      routes.close()
      await queue.close()
    },
  }
}
