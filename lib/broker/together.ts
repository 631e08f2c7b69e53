// Triggers of one process that come at the same moment hand over together: one pipeline for their jobs. A trigger that
// comes alone waits for nobody.

import { makeBatcher } from '../domain/batcher.ts'
import type { HandOver } from './ports.ts'

const MAX_JOBS = 1_000

/** Collects jobs while others are on their way; those of one call stay together, and fail together. */
export const handOverTogether = (handOver: HandOver): HandOver => {
  const batcher = makeBatcher<Parameters<HandOver>[0], undefined>({
    run: async (calls) => {
      await handOver(calls.flat())
      return calls.map(() => undefined)
    },
    maxItems: MAX_JOBS,
    weight: { of: (jobs) => jobs.length, max: MAX_JOBS },
    failsForAll: () => true,
  })
  return async (jobs) => {
    await batcher.add(jobs)
  }
}
