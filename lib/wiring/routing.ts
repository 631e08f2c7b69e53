// The routing table as one process holds it: over REST where that is configured, else over a connection. It must not
// import the queue, so that the bundles of register and list carry no BullMQ.

import { randomUUID } from 'node:crypto'
import type { KickMark, Log, RoutingTable } from '../broker/ports.ts'
import type { Config } from '../config.ts'
import type { SendCommands } from '../redis/commands.ts'
import { connectRedis } from '../redis/connect.ts'
import { kickKey, makeRoutingKeys } from '../redis/keys.ts'
import { makeKickMark } from '../redis/kick-mark.ts'
import { ioredisCommands } from '../redis/routing-ioredis.ts'
import { makeRoutingTable } from '../redis/routing-table.ts'
import { upstashCommands } from '../redis/routing-upstash.ts'

export type RoutingParts = {
  routing: RoutingTable
  kickMark: KickMark
  /** Resolves when commands can be sent, or after 2 s: a Redis that is away is no reason not to start. */
  ready(): Promise<void>
  close(): void
}

/** @param url where Redis is, unless it is reached over REST */
export const openRouting = (url: string | undefined, config: Config, log: Log): RoutingParts => {
  const over = (send: SendCommands) => ({
    routing: makeRoutingTable(send, makeRoutingKeys(config.keyPrefix), randomUUID),
    kickMark: makeKickMark(send, kickKey(config.keyPrefix)),
  })
  if (config.upstash !== undefined) {
    const parts = over(upstashCommands(config.upstash))
    return { ...parts, ready: () => Promise.resolve(), close: () => undefined }
  }
  const redis = connectRedis(url ?? '', log, config.mode === 'lambda' ? 'wait' : 'refuse')
  return {
    ...over(ioredisCommands(redis)),
    ready: () => untilReady(redis),
    close: () => redis.disconnect(),
  }
}

/**
 * The same for a function: connected, or known to be away.
 *
 * @returns undefined for a broker without Redis: SQL then serves every look-up
 */
export const openReadyRouting = async ({
  config,
  log,
}: {
  config: Config
  log: Log
}): Promise<RoutingParts | undefined> => {
  if (config.redisUrl === undefined && config.upstash === undefined) return undefined
  const parts = openRouting(config.redisUrl, config, log)
  await parts.ready()
  return parts
}

/** Only the table, for a function that enqueues nothing. */
export const openRoutingTable = async (opened: {
  config: Config
  log: Log
}): Promise<RoutingTable | undefined> => (await openReadyRouting(opened))?.routing

/** The same, connecting at its first use: for the drain, which changes a route only after a 410. */
export const openRoutingLater = ({ config, log }: { config: Config; log: Log }): RoutingTable => {
  const open = async () => {
    const routes = openRouting(config.redisUrl, config, log)
    await routes.ready()
    return routes.routing
  }
  let opening: Promise<RoutingTable> | undefined
  const table = () => (opening ??= open())
  return {
    lookup: async (tenant, eventName) => (await table()).lookup(tenant, eventName),
    apply: async (change) => (await table()).apply(change),
    versions: async (tenants) => (await table()).versions(tenants),
    rebuild: async (snapshot, tenant) => (await table()).rebuild(snapshot, tenant),
  }
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
