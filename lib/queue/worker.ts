// The consumer's side: takes jobs, hands each to the use case, and tells BullMQ what the log has decided. It decides
// nothing itself: BullMQ's counters and locks are hints.

import { DelayedError, Worker, type Job } from 'bullmq'
import type { Clock, JobVerdict, Log } from '../broker/ports.ts'
import { assertNever } from '../domain/assert-never.ts'
import { BrokerError } from '../domain/errors.ts'
import { isId } from '../domain/ids.ts'
import { makeQueueNames } from './names.ts'
import { connectQueue } from './options.ts'

export type WorkerSettings = {
  redisUrl: string
  prefix: string
  concurrency: number
  /** Longest attempt and its margin: the job's lock must outlive it (O-QUEUE-2). */
  attemptMs: number
}

export type WorkerDeps = {
  attempt(deliveryId: string): Promise<JobVerdict>
  /** Told of every failure of the connection, and of every time that it stands again. */
  onConnection?(state: 'failed' | 'ready'): void
  clock: Clock
  log: Log
}

export type QueueWorker = {
  /** Takes no new job, lets those under way end, and closes. @param timeoutMs after which it leaves them to the sweep */
  close(timeoutMs: number): Promise<void>
}

/** Carries the plan's delay to `backoffStrategy`; thrown because that is how BullMQ is told of a retry. */
class RetryAt extends Error {
  readonly delayMs: number

  constructor(delayMs: number) {
    super('retry')
    this.name = 'RetryAt'
    this.delayMs = delayMs
  }
}

const LOCK_MARGIN_MS = 1_000
// An idle worker asks once in two minutes: a new job wakes it at once all the same, and commands cost money.
const DRAIN_DELAY_S = 120
// BullMQ's own stalled check: the sweep finds abandoned jobs sooner and never gives up on them.
const STALLED_INTERVAL_MS = 300_000
const NEVER = 1_000_000
const FIRST_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 30_000
const AFTER_FAULT_MS = 30_000

export const startWorker = (settings: WorkerSettings, deps: WorkerDeps): QueueWorker => {
  const names = makeQueueNames(settings.prefix)
  const redis = connectQueue(settings.redisUrl, 'blocking', deps.log)
  const closing = new AbortController()
  const worker = new Worker(
    names.queue,
    async (job, token) => {
      const verdict = await decide(deps, job, closing.signal)
      await tellBullmq(job, token, verdict)
    },
    {
      connection: redis,
      prefix: names.bullPrefix,
      concurrency: settings.concurrency,
      lockDuration: settings.attemptMs + LOCK_MARGIN_MS,
      drainDelay: DRAIN_DELAY_S,
      stalledInterval: STALLED_INTERVAL_MS,
      maxStalledCount: NEVER,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      settings: {
        backoffStrategy: (_attemptsMade, _type, error) =>
          error instanceof RetryAt ? error.delayMs : AFTER_FAULT_MS,
      },
    },
  )
  redis.on('ready', () => deps.onConnection?.('ready'))
  redis.on('close', () => deps.onConnection?.('failed'))
  // A lost lock or a job that vanished with Redis: the claim has already decided who delivers.
  worker.on('error', (error) => deps.log.info('queue.worker_error', { error }))
  return {
    close: (timeoutMs) => close({ worker, closing, deps }, timeoutMs, () => redis.disconnect()),
  }
}

type Closing = { worker: Worker; closing: AbortController; deps: WorkerDeps }

const close = async (
  { worker, closing, deps }: Closing,
  timeoutMs: number,
  disconnect: () => void,
): Promise<void> => {
  closing.abort()
  const bounded = new AbortController()
  // Closing waits for Redis, which may be away: then there is nothing to wait for.
  await Promise.race([
    worker.close().catch((error: unknown) => deps.log.warn('queue.close_failed', { error })),
    deps.clock.wait(timeoutMs, bounded.signal),
  ])
  bounded.abort()
  disconnect()
}

/** Asks the use case. While Postgres is away the job is kept and asked again: a worker with full slots takes no more. */
const decide = async (deps: WorkerDeps, job: Job, closing: AbortSignal): Promise<JobVerdict> => {
  const deliveryId = job.id ?? ''
  // An id without a hash, left by a split brain, comes as an empty job: there is nothing to do here (crash table, 18).
  if (!isId('dlv', deliveryId)) return { kind: 'done' }
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    try {
      return await deps.attempt(deliveryId)
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== 'log_unavailable') {
        deps.log.error('attempt.failed', { deliveryId, error })
        return { kind: 'later', delayMs: AFTER_FAULT_MS }
      }
      deps.log.warn('attempt.postponed', { deliveryId, error, pauseMs })
      await deps.clock.wait(pauseMs, closing)
      if (closing.aborted) return { kind: 'later', delayMs: FIRST_PAUSE_MS }
    }
  }
}

const tellBullmq = async (job: Job, token: string | undefined, verdict: JobVerdict) => {
  switch (verdict.kind) {
    case 'done':
      return
    case 'retry':
      throw new RetryAt(Math.ceil(verdict.delayMs))
    case 'later':
      await job.moveToDelayed(Date.now() + Math.ceil(verdict.delayMs), token)
      throw new DelayedError()
    default:
      return assertNever(verdict)
  }
}
