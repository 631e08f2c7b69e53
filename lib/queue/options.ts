// The one factory of BullMQ's options, so that producer, worker and drain agree.

import type { JobsOptions } from 'bullmq'
import { Redis, type CommonRedisOptions } from 'ioredis'
import type { Log } from '../broker/ports.ts'
import type { QueueNames } from './names.ts'
import { writeOncePerTurn } from './one-write.ts'

/** What every job is, but for its id: it points at a delivery and says nothing else. */
export const JOB = { name: 'delivery', data: '{}' } as const

/**
 * How every job is added. A job that is kept after it ended silently swallows the re-add of its id (measured), so none
 * is; and BullMQ never ends a delivery by counting, because the log decides.
 */
export const JOB_OPTIONS = {
  attempts: 1_000_000,
  backoff: { type: 'custom' },
  removeOnComplete: true,
  removeOnFail: true,
  stackTraceLimit: 0,
} as const satisfies JobsOptions

const CONNECT_TIMEOUT_MS = 1_000
const COMMAND_TIMEOUT_MS = 1_000
const MAX_RECONNECT_MS = 2_000
const SILENT_SOCKET_MS = 10_000

/** Seconds that an idle worker waits for a job. A new job wakes it at once all the same, and commands cost money. */
export const DRAIN_DELAY_S = 300

/**
 * A connection that fails fast, for whoever must answer. BullMQ's own (given options) waits for ever on a Redis that is
 * away, even with the offline queue switched off (measured: over 8 s).
 */
export const connectQueue = (url: string, use: 'commands' | 'function', log: Log): Redis =>
  connect(log, url, {
    connectionName: `webhook-broker-${use}`,
    // A function thaws to find its socket dead, and is frozen again before one in the background is connected: its
    // commands wait for the connection, up to their time.
    enableOfflineQueue: use === 'function',
    ...(use === 'function' ? { socketTimeout: COMMAND_TIMEOUT_MS } : {}),
    // One repeat: a process that was frozen finds a dead socket at its first command. All of ours can be repeated.
    maxRetriesPerRequest: 1,
    commandTimeout: COMMAND_TIMEOUT_MS,
  })

export type WorkerConnections = {
  /** Its commands wait for Redis to come back, as BullMQ wants it; a socket that is silent is replaced. */
  commands: Redis
  /** On which the worker waits for a job. */
  blocking: Redis
}

/** The two connections of a worker. Ours, not copies that BullMQ makes: its close waits for ever for a lost one. */
export const connectWorker = (url: string, names: QueueNames, log: Log): WorkerConnections => ({
  commands: writeOncePerTurn(
    connect(log, url, {
      connectionName: 'webhook-broker-worker',
      maxRetriesPerRequest: null,
      socketTimeout: SILENT_SOCKET_MS,
    }),
  ),
  blocking: connect(log, url, {
    // The name by which BullMQ counts workers.
    connectionName: `${names.bullPrefix}:${Buffer.from(names.queue).toString('base64')}`,
    maxRetriesPerRequest: null,
    // The wait for a job is the longest silence that is sound.
    socketTimeout: DRAIN_DELAY_S * 1_000 + SILENT_SOCKET_MS,
  }),
})

type ConnectionSettings = Pick<
  CommonRedisOptions,
  | 'connectionName'
  | 'enableOfflineQueue'
  | 'maxRetriesPerRequest'
  | 'commandTimeout'
  | 'socketTimeout'
>

const connect = (log: Log, url: string, options: ConnectionSettings): Redis => {
  const redis = new Redis(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (times: number) => Math.min(10 * 2 ** Math.min(times, 10), MAX_RECONNECT_MS),
    // After a failover the old primary keeps our connection and refuses writes until we connect anew.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    ...options,
  })
  // Without a listener the first error would end the process. One line for each outage is enough.
  let lastError: unknown = 'closed'
  let silent = false
  redis.on('error', (error: Error) => {
    lastError = error
  })
  // Not emitted when we ourselves disconnect.
  redis.on('reconnecting', () => {
    if (!silent)
      log.warn('redis.connection_lost', { part: options.connectionName, error: lastError })
    silent = true
  })
  redis.on('ready', () => {
    if (silent) log.info('redis.connection_back', { part: options.connectionName })
    silent = false
  })
  return redis
}
