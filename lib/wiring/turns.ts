// The turns of rate-limited webhooks where there is no queue in Redis: a connection of their own, made when the first such
// webhook comes up, because most brokers have none. It must not import BullMQ.

import { randomUUID } from 'node:crypto'
import type { Log, SharedTurns } from '../broker/ports.ts'
import type { Config } from '../config.ts'
import { makeSharedTurns } from '../queue/limits/turns.ts'
import { makeQueueNames } from '../queue/names.ts'
import { connectRedis } from '../redis/connect.ts'
import { untilReady } from './routing.ts'

export type LateTurns = SharedTurns & { close(): void }

/** @returns undefined without REDIS_URL: then each process keeps its own share of a limit */
export const openTurnsLater = (
  { redisUrl, mode, keyPrefix }: Pick<Config, 'redisUrl' | 'mode' | 'keyPrefix'>,
  log: Log,
): LateTurns | undefined => {
  if (redisUrl === undefined) return undefined
  let disconnect = () => {}
  const open = async () => {
    const redis = connectRedis(redisUrl, log, mode === 'lambda' ? 'wait' : 'refuse')
    disconnect = () => redis.disconnect()
    await untilReady(redis)
    return makeSharedTurns(redis, makeQueueNames(keyPrefix), randomUUID())
  }
  let opening: Promise<SharedTurns> | undefined
  return {
    take: async (...asked) => (await (opening ??= open())).take(...asked),
    close: () => disconnect(),
  }
}
