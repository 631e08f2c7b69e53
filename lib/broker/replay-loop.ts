// Goes on with running replays in a process that lives: woken when one is started, when the process starts, and by the
// sweep's interval. Any number of processes may do so; each replay's row lets one of them take a batch at a time.

import type { Clock, Log } from './ports.ts'
import type { RunReplays } from './replay-many.ts'

export type ReplayLoop = {
  /** Runs until no replay is running. Says nothing when it is at it already. */
  wake(): void
  /** Ends after the batch under way. */
  close(): Promise<void>
}

const ROUND_MS = 60_000
// Postgres is away: nothing is lost, the row stands.
const AFTER_FAILURE_MS = 5_000

type LoopDeps = { run: RunReplays; clock: Clock; log: Log }

export const makeReplayLoop = (deps: LoopDeps): ReplayLoop => {
  const stop = new AbortController()
  let running: Promise<void> | undefined
  let asked = false
  const loop = async () => {
    while (asked && !stop.signal.aborted) {
      asked = false
      if (await round(deps, stop.signal)) asked = true
    }
    running = undefined
  }
  return {
    wake: () => {
      asked = true
      running ??= loop()
    },
    close: async () => {
      stop.abort()
      await running
    },
  }
}

/** @returns whether there is more to do */
const round = async ({ run, clock, log }: LoopDeps, stop: AbortSignal): Promise<boolean> => {
  try {
    return (await run({ budgetMs: ROUND_MS, stop })).running
  } catch (error) {
    log.warn('replay.interrupted', { error })
    await clock.wait(AFTER_FAILURE_MS, stop)
    return true
  }
}
