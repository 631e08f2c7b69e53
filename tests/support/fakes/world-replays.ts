// Replay and cancel in memory. The contract suite holds them to what Postgres does.

import type { ReplayStore } from '../../../lib/broker/ports.ts'
import { statement, writeUnknown, type DeliveryRow, type World } from './world.ts'

export const makeFakeReplayStore = (world: World): ReplayStore => ({
  replay: (tenant, id) =>
    statement(world, () => {
      const row = ofTenant(world, tenant, id)
      if (row === undefined) return { kind: 'not_found' }
      if (row.leaseUntilMs !== null && row.leaseUntilMs > world.nowMs()) {
        return { kind: 'in_flight' }
      }
      if (row.leaseUntilMs !== null) writeUnknown(world, row)
      Object.assign(row, newSeries(world, row))
      return { kind: 'replayed', generation: row.generation }
    }),
  cancel: (tenant, id) =>
    statement(world, () => {
      const row = ofTenant(world, tenant, id)
      if (row === undefined) return 'not_found'
      if (row.finishedAtMs !== null) return 'ended'
      Object.assign(row, { status: 'cancelled', finishedAtMs: world.nowMs(), parked: null })
      return 'cancelled'
    }),
})

const ofTenant = (world: World, tenant: string, id: string) => {
  const row = world.deliveries.get(id)
  return row?.tenant === tenant ? row : undefined
}

const newSeries = (world: World, row: DeliveryRow): Partial<DeliveryRow> => ({
  series: row.series + 1,
  generation: row.generation + 1,
  status: 'pending',
  stepsUsed: 0,
  crashCount: 0,
  probes: 0,
  lastStale: false,
  parked: null,
  deadReason: null,
  finishedAtMs: null,
  claimToken: null,
  leaseUntilMs: null,
  nextAttemptAtMs: world.nowMs(),
  dueAtMs: world.nowMs() + world.settings.graceMs,
})
