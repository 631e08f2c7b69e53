// What was accepted and could not be handed over because Redis took too long just then. It is handed over when Redis
// answers again, within a second or so instead of at the sweep's time. It may be lost at any moment: the sweep has it all.

import type { Clock, HandOver, Log } from './ports.ts'

type Jobs = Parameters<HandOver>[0]

export type CatchUp = {
  /** Keeps them, or as many as there is room for. Never rejects. */
  add(jobs: Jobs): void
  /** Leaves the rest to the sweep; resolves when nothing is under way. */
  close(): Promise<void>
}

export type CatchUpDeps = {
  handOver: HandOver
  /** After so long the sweep asks for them itself. */
  graceMs: number
  clock: Clock
  log: Log
}

/** About 3 MB. A longer outage than this holds is the sweep's. */
const MAX_JOBS = 20_000
const JOBS_PER_CALL = 1_000
const PAUSE_MS = 500

type Kept = { job: Jobs[number]; sinceMs: number }

/** For a process that lives on after its answer; a function is frozen then. */
export const makeCatchUp = ({ handOver, graceMs, clock, log }: CatchUpDeps): CatchUp => {
  const stop = new AbortController()
  let kept: Kept[] = []
  let running: Promise<void> | undefined

  const handOverSome = async (): Promise<number> => {
    const batch = kept.slice(0, JOBS_PER_CALL)
    await handOver(batch.map(({ job }) => job))
    kept = kept.slice(batch.length)
    return batch.length
  }
  const run = async () => {
    let count = 0
    while (kept.length > 0 && !stop.signal.aborted) {
      try {
        count += await handOverSome()
      } catch {
        await clock.wait(PAUSE_MS, stop.signal)
      }
      const oldestMs = clock.elapsedMs() - graceMs
      kept = kept.filter(({ sinceMs }) => sinceMs > oldestMs)
    }
    if (count > 0) log.info('queue.caught_up', { count })
    running = undefined
  }
  return {
    add: (jobs) => {
      if (stop.signal.aborted) return
      const sinceMs = clock.elapsedMs()
      for (const job of jobs.slice(0, MAX_JOBS - kept.length)) kept.push({ job, sinceMs })
      running ??= clock.wait(PAUSE_MS, stop.signal).then(run)
    },
    close: async () => {
      stop.abort()
      await running
    },
  }
}
