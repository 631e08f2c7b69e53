// Keeps the figures behind /stats up to date, after each sweep and with a little of its time.

import type { Clock, Log, StatsStore } from './ports.ts'

export type RollUp = () => Promise<void>

// A run a minute has one minute to roll up; after a long rest an hour takes moments, and the next run goes on.
const BUDGET_MS = 5_000

/** Never throws: figures that are late are no reason for a sweep to fail. */
export const makeRollUp =
  ({ stats, clock, log }: { stats: Pick<StatsStore, 'rollUp'>; clock: Clock; log: Log }): RollUp =>
  async () => {
    const startedMs = clock.elapsedMs()
    try {
      while ((await stats.rollUp()) && clock.elapsedMs() - startedMs < BUDGET_MS);
    } catch (error) {
      log.warn('stats.roll_up_failed', { error })
    }
  }
