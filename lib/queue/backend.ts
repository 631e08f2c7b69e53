// Gives BullMQ's worker the connections that we have made, instead of copies that it makes itself and hides.

import {
  QueueKeys,
  RedisConnection,
  RedisQueueBackend,
  type BackendFactory,
  type QueueBaseOptions,
} from 'bullmq'
import type { Redis } from 'ioredis'
import type { WorkerConnections } from './options.ts'

/** For a drain, which never waits for a job: one connection that fails fast, and need not stand yet. */
export const backendOverOne =
  (connection: Redis, bullPrefix: string): BackendFactory<RedisQueueBackend> =>
  (name: string, options: QueueBaseOptions) => {
    const keys = new QueueKeys(bullPrefix)
    const over = () =>
      new RedisConnection(connection, {
        shared: true,
        blocking: false,
        skipVersionCheck: true,
        skipWaitingForReady: true,
      })
    return new RedisQueueBackend(
      over(),
      name,
      keys.getKeys(name),
      (type) => keys.toKey(name, type),
      options,
      over(),
    )
  }

/** @returns what `Worker` takes as its last argument */
export const backendOver =
  (connections: WorkerConnections, bullPrefix: string): BackendFactory<RedisQueueBackend> =>
  (name: string, options: QueueBaseOptions) => {
    const keys = new QueueKeys(bullPrefix)
    return new RedisQueueBackend(
      new RedisConnection(connections.commands, { shared: true, blocking: false }),
      name,
      keys.getKeys(name),
      (type) => keys.toKey(name, type),
      options,
      new RedisConnection(connections.blocking, { shared: true, blocking: true }),
    )
  }
