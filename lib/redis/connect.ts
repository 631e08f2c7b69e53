// A connection to Redis on which nothing hangs: every command is given up after a time, and where it is so asked for,
// refused at once while there is no connection.

import { Redis } from 'ioredis'
import type { Log } from '../broker/ports.ts'
import { reconnectAfterMs } from '../domain/reconnect.ts'

const CONNECT_TIMEOUT_MS = 1_000
const COMMAND_TIMEOUT_MS = 1_000
const MAX_RECONNECT_MS = 2_000

/**
 * Connects in the background and for ever.
 *
 * @param whileAway `refuse`: commands reject at once while there is no connection, for a process that many callers share.
 *   `wait`: they wait for it, up to their time. For a function, which thaws to find its socket dead: it would be frozen
 *   again before a connection in the background is made, and so never have one.
 */
export const connectRedis = (
  url: string,
  log: Log,
  whileAway: 'refuse' | 'wait' = 'refuse',
): Redis => {
  const redis = new Redis(url, {
    enableOfflineQueue: whileAway === 'wait',
    // A socket that died unseen during a freeze answers nothing and breaks nothing.
    ...(whileAway === 'wait' ? { socketTimeout: COMMAND_TIMEOUT_MS } : {}),
    // One repeat: a process that was frozen finds a dead socket at its first command. All of ours can be repeated.
    maxRetriesPerRequest: 1,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: (times) => reconnectAfterMs(times, MAX_RECONNECT_MS),
    // After a failover the old primary keeps our connection and refuses writes until we connect anew.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    connectionName: 'webhook-broker',
  })
  // Without a listener the first error would end the process. One line for each outage is enough.
  let lastError: unknown = 'closed'
  let silent = false
  redis.on('error', (error: Error) => {
    lastError = error
  })
  // Not emitted when we ourselves disconnect.
  redis.on('reconnecting', () => {
    if (!silent) log.warn('redis.connection_lost', { part: 'routing', error: lastError })
    silent = true
  })
  redis.on('ready', () => {
    if (silent) log.info('redis.connection_back', { part: 'routing' })
    silent = false
  })
  return redis
}
