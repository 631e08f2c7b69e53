// The one factory of BullMQ's options, so that producer, worker and drain agree.

import type { JobsOptions } from 'bullmq'
import { Redis, type CommonRedisOptions } from 'ioredis'
import type { Log } from '../broker/ports.ts'
import { reconnectAfterMs } from '../domain/reconnect.ts'
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
// What falls due while Redis comes back waits for this, so a worker asks more often than others.
const WORKER_MAX_RECONNECT_MS = 500
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
export const connectWorker = (url: string, names: QueueNames, log: Log): WorkerConnections => {
  const settings = {
    maxRetriesPerRequest: null,
    retryStrategy: (times: number) => reconnectAfterMs(times, WORKER_MAX_RECONNECT_MS),
  }
  const commands = writeOncePerTurn(
    connect(log, url, {
      ...settings,
      connectionName: 'webhook-broker-worker',
      socketTimeout: SILENT_SOCKET_MS,
    }),
  )
  const blocking = connect(log, url, {
    ...settings,
    // The name by which BullMQ counts workers.
    connectionName: `${names.bullPrefix}:${Buffer.from(names.queue).toString('base64')}`,
    // The wait for a job is the longest silence that is sound.
    socketTimeout: DRAIN_DELAY_S * 1_000 + SILENT_SOCKET_MS,
  })
  endOldWaits(blocking, () => wakeWorker(commands, names))
  return { commands, blocking }
}

/** Leaves the mark that ends the wait of one worker, now or later, as BullMQ does with a job. One too many costs a look into an empty list. */
export const wakeWorker = (commands: Redis, names: QueueNames): Promise<unknown> =>
  commands.zadd(names.marker, 0, '0')

/**
 * ioredis repeats a wait for a job that was lost with its connection, for the whole time that it had when it was first sent: the
 * worker slept through what had fallen due, until BullMQ's watchdog woke it a second late (measured: 1,013 to 1,038 ms after
 * an outage of 1 s or more). So a connection that is back is woken, and the worker asks anew.
 */
const endOldWaits = (blocking: Redis, wake: () => Promise<unknown>): void => {
  let lost = false
  blocking.on('close', () => {
    lost = true
  })
  blocking.on('ready', () => {
    // A Redis that takes no writes has no work to give; the watchdog is still there.
    if (lost) void wake().catch(() => undefined)
    lost = false
  })
}

type ConnectionSettings = Pick<
  CommonRedisOptions,
  | 'connectionName'
  | 'enableOfflineQueue'
  | 'maxRetriesPerRequest'
  | 'commandTimeout'
  | 'socketTimeout'
  | 'retryStrategy'
>

const connect = (log: Log, url: string, options: ConnectionSettings): Redis => {
  const redis = new Redis(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (times: number) => reconnectAfterMs(times, MAX_RECONNECT_MS),
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
