// What a run of the sweep found and did: printed by `npm run sweep`, logged, and counted as metrics.

import type { DeliveryQueue, DueDelivery, HandOver, RoutingTable } from './ports.ts'

export type SweepSummary = {
  /** Deliveries that were due, by what was found. `unqueued` counts those that Redis was asked about. */
  found: Record<DueDelivery['finding'], number>
  /** Jobs that Redis was asked for, one by one. */
  probed: number
  /** Jobs that were missing in Redis and were added. */
  requeued: number
  /** Jobs that Redis held without handing them out, removed and added again. */
  replaced: number
  /** Jobs in the active list whose worker died. */
  abandoned: number
  /** Deliveries that waited for their webhook and that nobody else would have brought back. */
  woken: number
  /** Redis was found emptied or rolled back; so many deliveries were made due. */
  redisLost: boolean
  madeDue: number
  rebuiltTenants: number
  pruned: number
  redis: 'ok' | 'unavailable' | 'none'
  /** Whether it took what was handed over; `none` where it is not the dispatcher. */
  qstash: 'ok' | 'unavailable' | 'none'
  /** False when the time budget ended the run; the next one goes on. */
  complete: boolean
  durationMs: number
}

type Parts = {
  queue: DeliveryQueue | undefined
  routing: RoutingTable | undefined
  publish?: HandOver | undefined
}

/** @param parts what the sweep has to do with */
export const emptySummary = ({ queue, routing, publish }: Parts): SweepSummary => ({
  found: {
    unqueued: 0,
    expired_lease: 0,
    in_flight: 0,
    cancelled: 0,
    crash_budget: 0,
    parked: 0,
  },
  probed: 0,
  requeued: 0,
  replaced: 0,
  abandoned: 0,
  woken: 0,
  redisLost: false,
  madeDue: 0,
  rebuiltTenants: 0,
  pruned: 0,
  redis: queue === undefined && routing === undefined ? 'none' : 'ok',
  qstash: publish === undefined ? 'none' : 'ok',
  complete: true,
  durationMs: 0,
})
