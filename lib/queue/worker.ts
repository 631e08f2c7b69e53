// The consumer's side: takes jobs, hands each to the use case, and tells BullMQ what the log has decided. It decides
// nothing itself: BullMQ's counters and locks are hints.

import { DelayedError, Worker, type Job } from 'bullmq'
import type { Clock, JobVerdict, Log } from '../broker/ports.ts'
import { assertNever } from '../domain/assert-never.ts'
import { BrokerError } from '../domain/errors.ts'
import { isId } from '../domain/ids.ts'
import { backendOver } from './backend.ts'
import { makeQueueNames } from './names.ts'
import { connectWorker } from './options.ts'
import { makeHolds, makeRest, makeStepBack } from './rest.ts'
import {
  AFTER_FAULT_MS,
  GIVEN_BACK_MS,
  lockMs,
  RetryAt,
  workerOptions,
  type TakerSettings,
} from './taking.ts'

export type WorkerSettings = TakerSettings & { redisUrl: string }

export type WorkerDeps = {
  attempt(deliveryId: string): Promise<JobVerdict>
  /** Told of every failure of the connection, and of every time that it stands again. */
  onConnection?(state: 'failed' | 'ready'): void
  /** Told when the queue knows what became of a job (W8). */
  onTold?(): void
  clock: Clock
  log: Log
}

export type QueueWorker = {
  /** Takes no new job while this is on; those under way go on. */
  hold(on: boolean): void
  /** Takes no new job, lets those under way end, and closes. @param timeoutMs after which it leaves them to the sweep */
  close(timeoutMs: number): Promise<void>
}

// How long a job is kept between questions while Postgres is away.
const PAUSES_MS = [1_000, 2_000, 4_000]
// What BullMQ gets to tell Redis of the last jobs.
const LAST_WORDS_MS = 1_000

export const startWorker = (settings: WorkerSettings, deps: WorkerDeps): QueueWorker => {
  const names = makeQueueNames(settings.prefix)
  const connections = connectWorker(settings.redisUrl, names, deps.log)
  const closing = new AbortController()
  const running = new Set<Promise<void>>()
  const holds = makeHolds({
    pause: () => void worker.pause(true),
    resume: () => void worker.resume(),
  })
  const control = { closing: closing.signal, clock: deps.clock }
  const stepBack = makeStepBack({ ...control, ...holds('postgres') })
  const processing = { deps, closing: closing.signal, stepBack }
  const worker: Worker = new Worker(
    names.queue,
    (job, token) => {
      const run = process(processing, job, token)
      running.add(run)
      return run.finally(() => running.delete(run))
    },
    workerOptions(settings, names, connections.commands),
    backendOver(connections, names, {
      lockMs: lockMs(settings),
      isHeld: () => worker.isPaused(),
    }),
  )
  worker.on('error', makeRest({ ...control, ...holds('redis'), log: deps.log }))
  worker.on('completed', () => deps.onTold?.())
  worker.on('failed', () => deps.onTold?.())
  const all = [connections.commands, connections.blocking]
  for (const redis of all) {
    redis.on('ready', () => deps.onConnection?.('ready'))
    redis.on('close', () => {
      if (!closing.signal.aborted) deps.onConnection?.('failed')
    })
  }
  const memory = holds('memory')
  return {
    hold: (on) => {
      if (on) memory.pause()
      else memory.resume()
    },
    close: async (timeoutMs) => {
      closing.abort()
      await endWithin(timeoutMs, { worker, running, deps })
      for (const redis of all) redis.disconnect()
    },
  }
}

type Ending = { worker: Worker; running: Set<Promise<void>>; deps: WorkerDeps }

/** Takes no new job and waits for those under way; then for BullMQ, which may wait for ever for a Redis that is away. */
const endWithin = async (timeoutMs: number, { worker, running, deps }: Ending): Promise<void> => {
  const { clock, log } = deps
  const over = new AbortController()
  const jobsEnded = async () => {
    while (running.size > 0) await Promise.allSettled(running)
    await clock.wait(LAST_WORDS_MS, over.signal)
  }
  await Promise.race([
    worker.close().catch((error: unknown) => log.warn('queue.close_failed', { error })),
    jobsEnded(),
    clock.wait(timeoutMs, over.signal),
  ])
  over.abort()
}

type Processing = { deps: WorkerDeps; closing: AbortSignal; stepBack: () => Promise<void> }

const process = async (
  processing: Processing,
  job: Job,
  token: string | undefined,
): Promise<void> => {
  const verdict: JobVerdict = processing.closing.aborted
    ? { kind: 'later', delayMs: 0 }
    : await decide(processing, job)
  await tellBullmq(job, token, verdict)
}

/** Asks the use case. While Postgres is away the job is kept for a while and asked again: a worker with full slots takes
 *  no more. Then it is given back: if only this worker cannot reach Postgres, another one must get it. */
const decide = async ({ deps, closing, stepBack }: Processing, job: Job): Promise<JobVerdict> => {
  const deliveryId = job.id ?? ''
  // Not an entry of ours: there is nothing to attempt.
  if (!isId('dlv', deliveryId)) return { kind: 'done' }
  for (let failures = 0; ; failures += 1) {
    try {
      return await deps.attempt(deliveryId)
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== 'log_unavailable') {
        deps.log.error('attempt.failed', { deliveryId, error })
        return { kind: 'later', delayMs: AFTER_FAULT_MS }
      }
      const pauseMs = PAUSES_MS[failures]
      deps.log.warn('attempt.postponed', { deliveryId, error, pauseMs: pauseMs ?? null })
      if (pauseMs === undefined) void stepBack()
      else await deps.clock.wait(pauseMs, closing)
      if (pauseMs === undefined || closing.aborted) return { kind: 'later', delayMs: GIVEN_BACK_MS }
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
