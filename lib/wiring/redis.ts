// The two things that Redis is used for, as one process holds them: the routing table and the queue.

import { randomUUID } from 'node:crypto'
import type { Log, RoutingTable } from '../broker/ports.ts'
import type { Config } from '../config.ts'
import { checkRedis } from '../queue/check-redis.ts'
import { makeDeliveryQueue, type ClosableDeliveryQueue } from '../queue/delivery-queue.ts'
import { connectQueue } from '../queue/options.ts'
import { connectRedis } from '../redis/connect.ts'
import { makeRoutingKeys } from '../redis/keys.ts'
import { ioredisCommands } from '../redis/routing-ioredis.ts'
import { makeRoutingTable } from '../redis/routing-table.ts'
import { upstashCommands } from '../redis/routing-upstash.ts'

export type RedisParts = {
  url: string
  routing: RoutingTable
  queue: ClosableDeliveryQueue
  /** Refuses a Redis that evicts. @throws BrokerError `invalid_request` */
  check(): Promise<void>
  ping(): Promise<boolean>
  close(): Promise<void>
}

const READY_TIMEOUT_MS = 2_000

export const openRedis = (url: string, config: Config, log: Log): RedisParts => {
  const routes = openRouting(url, config, log)
  const commands = connectQueue(url, 'commands', log)
  const queue = makeDeliveryQueue(commands, config.keyPrefix)
  return {
    url,
    routing: routes.routing,
    queue,
    check: async () => {
      if (commands.status !== 'ready') {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, READY_TIMEOUT_MS)
          commands.once('ready', () => {
            clearTimeout(timer)
            resolve()
          })
        })
      }
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

/** The routing table alone, over REST where that is configured: what register and list need. */
export const openRouting = (url: string | undefined, config: Config, log: Log) => {
  const keys = makeRoutingKeys(config.keyPrefix)
  if (config.upstash !== undefined) {
    const routing = makeRoutingTable(upstashCommands(config.upstash), keys, randomUUID)
    return { routing, close: () => undefined }
  }
  const redis = connectRedis(url ?? '', log)
  return {
    routing: makeRoutingTable(ioredisCommands(redis), keys, randomUUID),
    close: () => redis.disconnect(),
  }
}
