// Tells the routing table of a committed change. Redis down or behind: nothing is lost, SQL serves until the sweep
// rebuilds the table.

import { REDIS_BUDGET_MS, type Patience } from './patience.ts'
import type { Log, RoutingChange, RoutingTable } from './ports.ts'

export type RoutingDeps = { routing: RoutingTable | undefined; patience: Patience; log: Log }

/** Applies a change after its commit. Never fails: the change is already true in Postgres. */
export const applyRoutingChange = async (
  { routing, patience, log }: RoutingDeps,
  change: RoutingChange | null,
): Promise<void> => {
  if (change === null || routing === undefined) return
  const applied = await patience.start(REDIS_BUDGET_MS).attempt(() => routing.apply(change))
  if (applied !== true) {
    log.info('routing.stale', { tenant: change.tenant, version: change.to })
  }
}
