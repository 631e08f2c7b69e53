// The one factory of BullMQ's options, so that producer, worker and drain agree.

import type { JobsOptions } from 'bullmq'
import { Redis } from 'ioredis'
import type { Log } from '../broker/ports.ts'

/**
 * How every job is added. A job that is kept after it ended silently swallows the re-add of its id (measured), so none
 * is; and BullMQ never ends a delivery by counting, because the log decides.
 */
export const jobOptions = (deliveryId: string, delayMs: number): JobsOptions => ({
  jobId: deliveryId,
  attempts: 1_000_000,
  backoff: { type: 'custom' },
  removeOnComplete: true,
  removeOnFail: true,
  stackTraceLimit: 0,
  ...(delayMs > 0 ? { delay: Math.ceil(delayMs) } : {}),
})

const CONNECT_TIMEOUT_MS = 1_000
const COMMAND_TIMEOUT_MS = 1_000
const MAX_RECONNECT_MS = 2_000

/**
 * A connection for BullMQ. BullMQ's own (given options) waits for ever on a Redis that is away, even with the offline
 * queue switched off (measured: over 8 s); ours rejects at once.
 *
 * @param use `commands`: fails fast. `blocking`: the worker's, which waits for jobs and reconnects for ever
 */
export const connectQueue = (url: string, use: 'commands' | 'blocking', log: Log): Redis => {
  const shared = {
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (times: number) => Math.min(50 * 2 ** Math.min(times, 10), MAX_RECONNECT_MS),
    connectionName: `webhook-broker-${use}`,
  }
  const redis =
    use === 'commands'
      ? new Redis(url, {
          ...shared,
          enableOfflineQueue: false,
          maxRetriesPerRequest: 0,
          commandTimeout: COMMAND_TIMEOUT_MS,
        })
      : new Redis(url, { ...shared, maxRetriesPerRequest: null })
  let silent = false
  redis.on('error', (error: Error) => {
    if (!silent) log.warn('redis.connection_lost', { part: use, error })
    silent = true
  })
  redis.on('ready', () => {
    silent = false
  })
  return redis
}
