// The bounded run of a scheduled function: takes jobs by hand, without waiting for any, until there is none or the time
// is over. Nothing of it is left running when it has resolved; locks are not renewed, because they outlive an attempt.

import { randomUUID } from 'node:crypto'
import { DelayedError, Worker, type Job } from 'bullmq'
import type { Redis } from 'ioredis'
import type { JobSource, JobVerdict, Log } from '../broker/ports.ts'
import { assertNever } from '../domain/assert-never.ts'
import { BrokerError } from '../domain/errors.ts'
import { isId } from '../domain/ids.ts'
import { backendOverOne } from './backend.ts'
import { makeQueueNames } from './names.ts'
import {
  AFTER_FAULT_MS,
  GIVEN_BACK_MS,
  lockMs,
  RetryAt,
  workerOptions,
  type TakerSettings,
} from './taking.ts'

export type JobSourceDeps = {
  /** Told when the queue knows what became of a job (W8). */
  onTold(): void
  nowMs(): number
  log: Log
}

/** Never run: it is asked for one job after the other. A class, because the ends of a job that fetch the next one in the
 *  same command are open to heirs only. */
class Taker extends Worker {
  take(token: string): Promise<Job | undefined> {
    return this.getNextJob(token, { block: false })
  }

  done(job: Job, token: string, mayFetch: () => boolean): Promise<Job | undefined> {
    return this.handleCompleted(undefined, job, token, mayFetch)
  }

  retry(job: Job, token: string, { delayMs, mayFetch }: Retry): Promise<Job | undefined> {
    return this.handleFailed(new RetryAt(Math.ceil(delayMs)), job, token, mayFetch)
  }

  /** After `moveToDelayed`. */
  delayed(job: Job, token: string, mayFetch: () => boolean): Promise<Job | undefined> {
    return this.handleFailed(new DelayedError(), job, token, mayFetch)
  }
}

type Retry = { delayMs: number; mayFetch(): boolean }

/** @param redis a connection that fails fast (`connectQueue(url, 'commands', log)`); it is not closed here */
export const makeJobSource = (
  redis: Redis,
  settings: TakerSettings,
  deps: JobSourceDeps,
): JobSource => {
  const names = makeQueueNames(settings.prefix)
  const worker = new Taker(
    names.queue,
    null,
    { ...workerOptions(settings, names, redis), autorun: false },
    backendOverOne(redis, names, lockMs(settings)),
  )
  // Failures reject where they happen; BullMQ repeats those of the connection here.
  worker.on('error', () => undefined)
  return {
    takeAll: async (asked) => {
      const run = makeRun(worker, { ...deps, ...asked, concurrency: settings.concurrency })
      run.another()
      return run.ended()
    },
  }
}

type RunDeps = JobSourceDeps & Parameters<JobSource['takeAll']>[0] & { concurrency: number }

/** Slots that take jobs one after the other. A slot that finds a job puts another slot beside it, so that a queue that
 *  is empty is asked once, and a full one soon by all. */
const makeRun = (worker: Taker, deps: RunDeps) => {
  const slots = new Set<Promise<void>>()
  let taken = 0
  let failure: BrokerError | undefined
  const goesOn = () => failure === undefined && deps.mayTake()

  const slot = async () => {
    const token = randomUUID()
    try {
      let job = await inQueue(() => worker.take(token))
      while (job !== undefined) {
        taken += 1
        if (goesOn()) another()
        job = await workOff({ worker, deps, goesOn }, job, token)
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      failure ??= error
    }
  }
  const another = () => {
    if (slots.size >= deps.concurrency || !goesOn()) return
    const running = slot().finally(() => slots.delete(running))
    slots.add(running)
  }
  const ended = async () => {
    // A slot may put another beside it until its very end.
    while (slots.size > 0) await Promise.all(slots)
    if (failure === undefined) return { taken, end: deps.mayTake() ? 'empty' : 'time' } as const
    deps.log.warn('drain.interrupted', { error: failure })
    const end = failure.code === 'log_unavailable' ? 'log_unavailable' : 'queue_unavailable'
    return { taken, end } as const
  }
  return { another, ended }
}

type WorkingOff = { worker: Taker; deps: RunDeps; goesOn(): boolean }

/** Attempts a job's delivery and tells BullMQ. @returns the next job, which the same command fetched */
const workOff = async (
  { worker, deps, goesOn }: WorkingOff,
  job: Job,
  token: string,
): Promise<Job | undefined> => {
  const { verdict, failure } = await decide(deps, job.id ?? '')
  const mayFetch = () => failure === undefined && goesOn()
  const next = await inQueue(() =>
    tellBullmq({ worker, job, token, mayFetch, nowMs: deps.nowMs() }, verdict),
  )
  deps.onTold()
  if (failure !== undefined) throw failure
  return next
}

const decide = async (
  deps: RunDeps,
  deliveryId: string,
): Promise<{ verdict: JobVerdict; failure?: BrokerError }> => {
  // Not an entry of ours: there is nothing to attempt.
  if (!isId('dlv', deliveryId)) return { verdict: { kind: 'done' } }
  try {
    return { verdict: await deps.attempt(deliveryId) }
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'log_unavailable') {
      return { verdict: { kind: 'later', delayMs: GIVEN_BACK_MS }, failure: error }
    }
    deps.log.error('attempt.failed', { deliveryId, error })
    return { verdict: { kind: 'later', delayMs: AFTER_FAULT_MS } }
  }
}

type Telling = { worker: Taker; job: Job; token: string; mayFetch(): boolean; nowMs: number }

const tellBullmq = async (
  { worker, job, token, mayFetch, nowMs }: Telling,
  verdict: JobVerdict,
): Promise<Job | undefined> => {
  switch (verdict.kind) {
    case 'done':
      return worker.done(job, token, mayFetch)
    case 'retry':
      return worker.retry(job, token, { delayMs: verdict.delayMs, mayFetch })
    case 'later':
      await job.moveToDelayed(nowMs + Math.ceil(verdict.delayMs), token)
      return worker.delayed(job, token, mayFetch)
    default:
      return assertNever(verdict)
  }
}

const inQueue = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (cause) {
    throw new BrokerError('queue_unavailable', 'the queue did not answer', { cause })
  }
}
