// The one factory of BullMQ's options, so that producer, worker and drain agree.

import type { JobsOptions } from 'bullmq'
import { Redis, type RedisOptions } from 'ioredis'
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
const SILENT_SOCKET_MS = 10_000

/** Seconds that an idle worker waits for a job. A new job wakes it at once all the same, and commands cost money. */
export const DRAIN_DELAY_S = 300

/**
 * `commands`: fails fast, for whoever must answer. `worker`: its commands wait for Redis to come back, as BullMQ wants
 * it, and a silent socket is replaced. `blocking`: the connection on which a worker waits for jobs.
 */
export type QueueUse = 'commands' | 'worker' | 'blocking'

/** A connection for BullMQ. BullMQ's own (given options) waits for ever on a Redis that is away, even with the offline
 *  queue switched off (measured: over 8 s); ours does what its use says. */
export const connectQueue = (url: string, use: QueueUse, log: Log): Redis => {
  const redis = new Redis(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (times: number) => Math.min(10 * 2 ** Math.min(times, 10), MAX_RECONNECT_MS),
    // After a failover the old primary keeps our connection and refuses writes until we connect anew.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    connectionName: `webhook-broker-${use}`,
    ...settingsFor(use),
  })
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

const settingsFor = (use: QueueUse): RedisOptions => {
  switch (use) {
    case 'commands':
      return {
        enableOfflineQueue: false,
        // One repeat: a process that was frozen finds a dead socket at its first command. All of ours can be repeated.
        maxRetriesPerRequest: 1,
        commandTimeout: COMMAND_TIMEOUT_MS,
      }
    case 'worker':
      return { maxRetriesPerRequest: null, socketTimeout: SILENT_SOCKET_MS }
    case 'blocking':
      // The wait for a job is the longest silence that is sound.
      return {
        maxRetriesPerRequest: null,
        socketTimeout: DRAIN_DELAY_S * 1_000 + SILENT_SOCKET_MS,
      }
  }
}
