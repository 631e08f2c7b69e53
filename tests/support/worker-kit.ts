// A real Redis, a queue on it, and workers whose attempts a test answers and counts.

import type { Clock, JobVerdict } from '../../lib/broker/ports.ts'
import type { ClosableDeliveryQueue } from '../../lib/queue/delivery-queue.ts'
import { startWorker, type QueueWorker } from '../../lib/queue/worker.ts'
import { systemClock } from '../../lib/wiring/runtime.ts'
import { openQueue, PREFIX } from './queue-kit.ts'
import { makeMemoryLog, startTestRedis, type TestRedis } from './redis-kit.ts'
import { waitUntil } from './wait.ts'

export const DONE: JobVerdict = { kind: 'done' }

export type WorkerSettings = {
  concurrency?: number
  attemptMs?: number
  clock?: Clock
  redisUrl?: string
  onConnection?: (state: 'failed' | 'ready') => void
}

export type WorkerKit = {
  redis: TestRedis
  queue: ClosableDeliveryQueue
  log: ReturnType<typeof makeMemoryLog>
  /** Every attempt so far, of all workers. */
  attempts: { id: string; atMs: number }[]
  attemptsOf(id: string): { id: string; atMs: number }[]
  work(
    attempt: (id: string) => JobVerdict | Promise<JobVerdict>,
    settings?: WorkerSettings,
  ): QueueWorker
  /** Resolves once the delivery has been attempted so often. */
  attempted(id: string, times?: number): Promise<void>
  /** Resolves once Redis knows nothing of the id. */
  gone(id: string): Promise<void>
  close(): Promise<void>
}

export const startWorkerKit = async (persistence: 'none' | 'aof' = 'none'): Promise<WorkerKit> => {
  const redis = await startTestRedis(persistence)
  const queue = await openQueue(redis)
  const log = makeMemoryLog()
  const workers: QueueWorker[] = []
  const attempts: WorkerKit['attempts'] = []
  const attemptsOf = (id: string) => attempts.filter((attempt) => attempt.id === id)
  return {
    redis,
    queue,
    log,
    attempts,
    attemptsOf,
    work: (attempt, settings = {}) => {
      const { concurrency = 10, attemptMs = 30_000, clock = systemClock, ...rest } = settings
      const worker = startWorker(
        { redisUrl: rest.redisUrl ?? redis.url, prefix: PREFIX, concurrency, attemptMs },
        {
          attempt: async (id) => {
            attempts.push({ id, atMs: performance.now() })
            return attempt(id)
          },
          onConnection: rest.onConnection ?? (() => undefined),
          clock,
          log,
        },
      )
      workers.push(worker)
      return worker
    },
    attempted: async (id, times = 1) => {
      await waitUntil(() => attemptsOf(id).length >= times, {
        message: `attempt ${times} of ${id}`,
      })
    },
    gone: async (id) => {
      // Redis may be away for a while: that is no answer yet.
      const isGone = async () => (await queue.present([id]).catch(() => [true]))[0] === false
      await waitUntil(isGone, { message: `${id} gone` })
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.close(1_000)))
      await queue.close()
      await redis.stop()
    },
  }
}

/** An attempt that goes on until the test lets it end. */
export const makeGate = () => {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open: () => open(), opened }
}

/** Waits a hundredth of what it is asked to, and remembers it. */
export const makeQuickClock = () => {
  const waits: number[] = []
  const clock: Clock = {
    ...systemClock,
    wait: (delayMs, signal) => {
      waits.push(delayMs)
      return systemClock.wait(delayMs / 100, signal)
    },
  }
  return { clock, waits }
}
