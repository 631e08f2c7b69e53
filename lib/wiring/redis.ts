// The two things that Redis is used for, as one process holds them: the routing table and the queue.

import type { KickMark, Log, RoutingTable } from '../broker/ports.ts'
import type { Config } from '../config.ts'
import { checkRedis } from '../queue/check-redis.ts'
import { makeDeliveryQueue, type ClosableDeliveryQueue } from '../queue/delivery-queue.ts'
import { makeHighWater, type HighWater } from '../queue/limits/high-water.ts'
import { connectQueue } from '../queue/options.ts'
import { kickKey } from '../redis/keys.ts'
import { makeKickMark } from '../redis/kick-mark.ts'
import { ioredisCommands } from '../redis/routing-ioredis.ts'
import type { HandingOver } from './publishing.ts'
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
  const { queue, check, ping } = openQueue(url, config, log)
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
      await Promise.all([check(), routes.ready()])
    },
    ping,
    close: async () => {
      routes.close()
      await queue.close()
    },
  }
}

/** Full or not, a delivery that is replayed replaces its job; a new one waits for the sweep when the queue is full. */
export const overQueue = ({ feed, replace }: RedisParts['queue']): HandingOver => ({
  publish: undefined,
  handOver: feed,
  handOverAgain: replace,
})

/** The queue alone, for a function whose every connection costs commands. */
export const openQueue = (url: string, config: Config, log: Log) => {
  const commands = connectQueue(url, config.mode === 'lambda' ? 'function' : 'commands', log)
  return {
    commands,
    queue: makeDeliveryQueue(commands, config.keyPrefix),
    /** The same that a trigger sets over its own connection. */
    kickMark: makeKickMark(ioredisCommands(commands), kickKey(config.keyPrefix)),
    /** Waits for the connection, 2 s at most. @throws BrokerError `invalid_request` when the Redis evicts */
    check: async () => {
      await untilReady(commands)
      const policy = await checkRedis(commands)
      if (policy === 'unknown') {
        log.warn('redis.policy_unknown', { advice: 'see that maxmemory-policy is noeviction' })
      }
    },
    ping: async () => {
      await commands.ping()
      return true
    },
  }
}
