// The routing table as one process holds it: over REST where that is configured, else over a connection. It must not
// import the queue, so that the bundles of register and list carry no BullMQ.

import { randomUUID } from 'node:crypto'
import type { Log, RoutingTable } from '../broker/ports.ts'
import type { Config } from '../config.ts'
import { connectRedis } from '../redis/connect.ts'
import { makeRoutingKeys } from '../redis/keys.ts'
import { ioredisCommands } from '../redis/routing-ioredis.ts'
import { makeRoutingTable } from '../redis/routing-table.ts'
import { upstashCommands } from '../redis/routing-upstash.ts'

export type RoutingParts = {
  routing: RoutingTable
  /** Resolves when commands can be sent, or after 2 s: a Redis that is away is no reason not to start. */
  ready(): Promise<void>
  close(): void
}

/** @param url where Redis is, unless it is reached over REST */
export const openRouting = (url: string | undefined, config: Config, log: Log): RoutingParts => {
  const keys = makeRoutingKeys(config.keyPrefix)
  if (config.upstash !== undefined) {
    const routing = makeRoutingTable(upstashCommands(config.upstash), keys, randomUUID)
    return { routing, ready: () => Promise.resolve(), close: () => undefined }
  }
  const redis = connectRedis(url ?? '', log)
  return {
    routing: makeRoutingTable(ioredisCommands(redis), keys, randomUUID),
    ready: () => untilReady(redis),
    close: () => redis.disconnect(),
  }
}

/**
 * The same for a function: connected, or known to be away.
 *
 * @returns undefined for a broker without Redis: SQL then serves every look-up
 */
export const openRoutingTable = async ({
  config,
  log,
}: {
  config: Config
  log: Log
}): Promise<RoutingTable | undefined> => {
  if (config.redisUrl === undefined && config.upstash === undefined) return undefined
  const parts = openRouting(config.redisUrl, config, log)
  await parts.ready()
  return parts.routing
}

const READY_TIMEOUT_MS = 2_000

type Connection = { status: string; once(event: 'ready', listener: () => void): unknown }

/** Waits at most 2 s for a connection. Commands are refused, not queued, while there is none. */
export const untilReady = (connection: Connection): Promise<void> =>
  new Promise((resolve) => {
    if (connection.status === 'ready') {
      resolve()
      return
    }
    const timer = setTimeout(resolve, READY_TIMEOUT_MS)
    connection.once('ready', () => {
      clearTimeout(timer)
      resolve()
    })
  })
