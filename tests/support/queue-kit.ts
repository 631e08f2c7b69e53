// A queue on a test's own Redis, and a worker that takes one job at a time by hand.

import { Queue, Worker, type Job } from 'bullmq'
import type { Redis } from 'ioredis'
import { makeDeliveryQueue, type ClosableDeliveryQueue } from '../../lib/queue/delivery-queue.ts'
import { makeQueueNames } from '../../lib/queue/names.ts'
import { connectQueue } from '../../lib/queue/options.ts'
import { makeMemoryLog, type TestRedis } from './redis-kit.ts'
import { waitUntil } from './wait.ts'

export const PREFIX = 'broker'
export const names = makeQueueNames(PREFIX)

/** @returns the queue, once its connection stands */
export const openQueue = async (redis: TestRedis): Promise<ClosableDeliveryQueue> => {
  const connection = connectQueue(redis.url, 'commands', makeMemoryLog())
  await waitUntil(() => connection.status === 'ready', { message: 'the connection' })
  return makeDeliveryQueue(connection, PREFIX)
}

/** BullMQ's own queue, as a tool of an operator opens it. */
export const openBullmq = (redis: TestRedis): Queue =>
  new Queue(names.queue, { connection: redis.admin, prefix: names.bullPrefix })

export type HandWorker = {
  take(): Promise<string | undefined>
  finish(id: string): Promise<void>
  close(): Promise<void>
}

/** Takes and ends jobs as BullMQ's worker does, with its locks, but only when it is told to. */
export const makeHandWorker = (redis: TestRedis): HandWorker => {
  const worker = new Worker(names.queue, null, {
    connection: redis.admin,
    prefix: names.bullPrefix,
    autorun: false,
  })
  const held = new Map<string, Job>()
  return {
    take: async () => {
      const job = (await worker.getNextJob('token', { block: false })) as Job | undefined
      if (job?.id === undefined) return undefined
      held.set(job.id, job)
      return job.id
    },
    finish: async (id) => {
      await held.get(id)?.moveToCompleted('', 'token', false)
    },
    close: () => worker.close(),
  }
}

/** Whether a worker waits for a job, and has nothing under way between itself and Redis for one. */
export const waitsForJob = async (admin: Redis): Promise<boolean> =>
  /flags=\w*b\w* .*cmd=bzpopmin/.test(String(await admin.client('LIST')))

/** It waits for a job, and has looked for abandoned ones: BullMQ does so after it waits, and then every five minutes. */
export const hasStarted = async (admin: Redis): Promise<boolean> =>
  (await waitsForJob(admin)) && (await admin.exists(names.job('stalled-check'))) === 1
