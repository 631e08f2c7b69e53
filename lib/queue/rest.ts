// A worker that Redis refuses (full, read-only, still loading) rests for a second. BullMQ asks again at once: measured
// 30,000 commands and 10,000 log lines a second against a full Redis. And one that cannot reach Postgres steps back, so
// that another one gets its jobs.

import type { Clock, Log } from '../broker/ports.ts'

export type RestDeps = {
  /** Must not wait for the jobs under way. */
  pause(): void
  resume(): void
  closing: AbortSignal
  clock: Clock
  log: Log
}

const REST_MS = 1_000

/** @returns the listener for the worker's `error` events. At most one log line a second, with how many it stands for. */
export const makeRest = ({ pause, resume, closing, clock, log }: RestDeps) => {
  let resting = false
  let loggedAtMs = Number.NEGATIVE_INFINITY
  let unlogged = 0

  const rest = async () => {
    resting = true
    pause()
    await clock.wait(REST_MS, closing)
    resting = false
    if (!closing.aborted) resume()
  }

  return (error: Error): void => {
    // A reply of Redis itself, and not a job that vanished with Redis or a connection that is being made again.
    if (error.name === 'ReplyError' && !resting && !closing.aborted) void rest()
    unlogged += 1
    if (clock.elapsedMs() - loggedAtMs < REST_MS) return
    log.info('queue.worker_error', { error, count: unlogged })
    loggedAtMs = clock.elapsedMs()
    unlogged = 0
  }
}

const STEP_BACK_MS = 30_000

export type StepBackDeps = Pick<RestDeps, 'pause' | 'resume' | 'closing' | 'clock'>

/** @returns to be called when a job was given back because Postgres is away: for 30 s no more are taken */
export const makeStepBack = ({ pause, resume, closing, clock }: StepBackDeps) => {
  let away = false
  return async (): Promise<void> => {
    if (away) return
    away = true
    pause()
    await clock.wait(STEP_BACK_MS, closing)
    away = false
    if (!closing.aborted) resume()
  }
}

export type Pausing = Pick<RestDeps, 'pause' | 'resume'>

/** Several reasons to take nothing, each of which may end while another one lasts. */
export const makeHolds = ({ pause, resume }: Pausing) => {
  const reasons = new Set<string>()
  return (reason: string): Pausing => ({
    pause: () => {
      if (reasons.size === 0) pause()
      reasons.add(reason)
    },
    resume: () => {
      if (reasons.delete(reason) && reasons.size === 0) resume()
    },
  })
}
