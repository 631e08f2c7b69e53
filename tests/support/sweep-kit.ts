// A sweep over a world of a test's own: rows that are due, a queue and a routing table in memory, a clock that stands.

import type { DueDelivery, Ready, RoutingSnapshot, SweepStore } from '../../lib/broker/ports.ts'
import { makeSweep, type SweepDeps } from '../../lib/broker/sweep.ts'
import { makeFakeDeliveryQueue } from './fakes/delivery-queue.ts'
import { makeManualClock } from './fakes/manual-clock.ts'
import { makeRecordingLog } from './fakes/recording-log.ts'
import { makeFakeRoutingTable } from './fakes/routing-table.ts'

export const due = (deliveryId: string, change: Partial<DueDelivery> = {}): DueDelivery => ({
  deliveryId,
  finding: 'unqueued',
  delayMs: 0,
  probes: 1,
  generation: 1,
  ...change,
})
export const many = (count: number, prefix = 'dlv_') =>
  Array.from({ length: count }, (_, index) => due(`${prefix}${String(index).padStart(6, '0')}`))

type World = {
  due: DueDelivery[]
  makeDue?: SweepStore['makeDue']
  incarnation?: number
  pruned?: number[]
  stuck?: Ready[]
}

export const setUpSweep = (world: World, change: Partial<SweepDeps> = {}) => {
  const rows = [...world.due]
  const clock = makeManualClock(Date.parse('2026-03-02T00:00:00Z'))
  const log = makeRecordingLog()
  const queue = makeFakeDeliveryQueue()
  const routing = makeFakeRoutingTable()
  const pruned = [...(world.pruned ?? [0])]
  const state = {
    incarnation: world.incarnation ?? 0,
    finished: 0,
    beforeIds: [] as string[],
    afterIds: [] as (string | undefined)[],
    snapshots: 0,
  }
  const store: SweepStore = {
    takeDue: (limit) => Promise.resolve(rows.splice(0, limit)),
    makeDue: world.makeDue ?? (() => Promise.resolve({ next: undefined, count: 0 })),
    incarnation: () => Promise.resolve(state.incarnation),
    raiseIncarnation: (to) => {
      state.incarnation = to
      return Promise.resolve()
    },
    wakeWebhooks: () => Promise.resolve(world.stuck ?? []),
    prune: (limit, { before, after }) => {
      state.beforeIds.push(before)
      state.afterIds.push(after)
      const removed = pruned.shift() ?? 0
      const next = removed === limit ? `msg_${state.afterIds.length}` : undefined
      return Promise.resolve({ next, removed })
    },
    pruneExpired: () => Promise.resolve(0),
    finished: () => {
      state.finished += 1
      return Promise.resolve()
    },
  }
  const snapshot = (tenant: string): RoutingSnapshot => ({
    tenant,
    version: 2,
    urls: new Map([['e', ['http://x/']]]),
  })
  const sweep = makeSweep({
    clock,
    log,
    store,
    webhooks: {
      routingVersions: () => Promise.resolve([{ tenant: 'default', version: 2 }]),
      routingSnapshot: (tenant) => {
        state.snapshots += 1
        return Promise.resolve(snapshot(tenant))
      },
    },
    queue,
    routing,
    retentionDays: 30,
    steps: () => undefined,
    ...change,
  })
  return { sweep, clock, log, queue, routing, state }
}

/** A Redis that a sweep has seen before. */
export const known = async (set: ReturnType<typeof setUpSweep>) => {
  await set.queue.raiseIncarnation(undefined, 1)
  set.state.incarnation = 1
  return set
}
