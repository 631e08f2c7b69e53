// Triggers of one process that come at the same moment ask Redis together: one look-up for the same event, one pipeline
// for their jobs. A trigger that comes alone waits for nobody.

import { makeBatcher } from '../domain/batcher.ts'
import type { HandOver, Route, RoutingTable } from './ports.ts'

/**
 * Shares a look-up with whoever asks for the same event while it is under way. It may have begun before a change that
 * the one who joins knows of: Postgres compares the version, so an old answer is slow and never wrong.
 */
export const lookUpTogether = (
  routing: Pick<RoutingTable, 'lookup'>,
): Pick<RoutingTable, 'lookup'> => {
  const underWay = new Map<string, Promise<Route | undefined>>()
  return {
    lookup: (tenant, eventName) => {
      // Neither holds a line feed.
      const key = `${tenant}\n${eventName}`
      const shared = underWay.get(key)
      if (shared !== undefined) return shared
      const asked = routing.lookup(tenant, eventName).finally(() => underWay.delete(key))
      underWay.set(key, asked)
      return asked
    },
  }
}

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
