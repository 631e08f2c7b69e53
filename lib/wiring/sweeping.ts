// The role that repairs.

import type { DeliveryQueue, HandOver, Log, RoutingTable, Steps } from '../broker/ports.ts'
import { makeAuditRound } from '../broker/audit-round.ts'
import { publishAll } from '../broker/publish-events.ts'
import { makeRollUp } from '../broker/roll-up.ts'
import { makeSweep, type Sweep } from '../broker/sweep.ts'
import type { Config } from '../config.ts'
import { tracedSweep } from '../tracing.ts'
import { openPatience } from './publishing.ts'
import { systemClock } from './runtime.ts'
import type { Stores } from './stores.ts'

export type SweepingParts = {
  stores: Stores
  routing: RoutingTable | undefined
  queue: (DeliveryQueue & { isFull(): Promise<boolean> }) | undefined
  /** QStash, where it dispatches. */
  publish?: HandOver | undefined
  steps: Steps
  log: Log
}

/** The sweep, and after each run the operational events that nobody has published, the roll-up of the figures that /stats
 *  shows, and a piece of the audit. */
export const makeSweeping = (config: Config, parts: SweepingParts): Sweep => {
  const sweep = makeSweep({
    ...parts,
    store: parts.stores.sweepStore,
    webhooks: parts.stores.webhooks,
    clock: systemClock,
    retentionDays: config.retentionDays,
  })
  const rollUp = makeRollUp({ stats: parts.stores.stats, clock: systemClock, log: parts.log })
  const publishNoted = makePublishing(parts)
  const auditRound = makeAuditRound({
    rounds: parts.stores.auditRounds,
    retentionDays: config.retentionDays,
    clock: systemClock,
    log: parts.log,
  })
  return tracedSweep(async (options) => {
    const summary = await sweep(options)
    await publishNoted()
    await rollUp()
    await auditRound()
    return summary
  })
}

const makePublishing = (parts: SweepingParts) => {
  const { stores, queue, publish, steps, log } = parts
  const patience = openPatience(parts)
  const handOver = publish ?? queue?.enqueue ?? (() => Promise.resolve())
  return () => publishAll({ ...stores, handOver, patience, steps, log })
}

export type SweepEvery = {
  intervalMs: number
  budgetMs: number
  stop: AbortSignal
  /** Whatever came of the run. */
  afterEach?: () => void
  log: Log
}

/** Sweeps again and again until told to stop. A run that fails is logged; the next one comes all the same. */
export const sweepEvery = async (
  sweep: Sweep,
  { intervalMs, budgetMs, stop, afterEach, log }: SweepEvery,
): Promise<void> => {
  while (!stop.aborted) {
    await sweep({ budgetMs }).catch((error: unknown) => log.error('sweep.failed', { error }))
    afterEach?.()
    await systemClock.wait(intervalMs, stop)
  }
}
