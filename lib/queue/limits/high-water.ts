// Keeps the queue from filling Redis: past the mark deliveries are no longer added by whoever accepted them. They are in
// Postgres and due there; the sweep adds them when there is room.

import type { Clock, Job } from '../../broker/ports.ts'

export type HighWaterDeps = {
  enqueue(jobs: readonly Job[]): Promise<void>
  /** How many jobs wait or are delayed. */
  depth(): Promise<number>
  /** The mark, in jobs. */
  limit: number
  clock: Pick<Clock, 'elapsedMs'>
  /** Told when the queue is found full, at most once a minute. */
  onFull(depth: number): void
}

export type HighWater = {
  /** Adds the jobs, unless the queue is full. */
  feed(jobs: readonly Job[]): Promise<void>
  isFull(): Promise<boolean>
}

// Other processes add as well: after so many of our own we look again.
const SHARE_OF_LIMIT = 10
// A process that adds little would never come so far.
const LOOK_EVERY_MS = 60_000
const ASK_AGAIN_MS = 1_000
const TELL_AGAIN_MS = 60_000

/** Asks Redis for the depth once for every tenth of the mark that is added, or once a minute; not for every delivery. */
export const makeHighWater = (deps: HighWaterDeps): HighWater => {
  const { limit, clock } = deps
  const tenth = Math.ceil(limit / SHARE_OF_LIMIT)
  let allowance = tenth
  let askedAtMs = Number.NEGATIVE_INFINITY
  let toldAtMs = Number.NEGATIVE_INFINITY

  const look = async () => {
    askedAtMs = clock.elapsedMs()
    const depth = await deps.depth()
    allowance = Math.min(limit - depth, tenth)
    if (allowance > 0 || clock.elapsedMs() - toldAtMs < TELL_AGAIN_MS) return
    toldAtMs = clock.elapsedMs()
    deps.onFull(depth)
  }
  return {
    feed: async (jobs) => {
      const sinceMs = clock.elapsedMs() - askedAtMs
      if (allowance <= 0 && sinceMs >= ASK_AGAIN_MS) await look()
      if (allowance <= 0) return
      allowance -= jobs.length
      await deps.enqueue(jobs)
      // Behind the trigger's back: whether there is room for it has been known before.
      if (sinceMs >= LOOK_EVERY_MS) look().catch(() => undefined)
    },
    isFull: async () => {
      await look()
      return allowance <= 0
    },
  }
}
