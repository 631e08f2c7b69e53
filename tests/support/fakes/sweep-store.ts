// What the sweep asks of Postgres, in memory. The contract suite holds it to what Postgres does.

import type { DueDelivery, SweepStore } from '../../../lib/broker/ports.ts'
import { CRASH_BUDGET } from '../../../lib/domain/delivery.ts'
import { wakeWebhooks } from './health-store.ts'
import { noteDead } from './operational-events.ts'
import {
  openDeliveries,
  statement,
  webhookOf,
  writeUnknown,
  type DeliveryRow,
  type World,
} from './world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const AFTER_CRASH_MS = 1_000
const MAX_DOUBLINGS = 6

export const makeFakeSweepStore = (world: World): SweepStore => ({
  takeDue: (limit) => statement(world, () => takeDue(world, limit)),
  makeDue: (limit, after) => statement(world, () => makeDue(world, limit, after)),
  incarnation: () => statement(world, () => world.incarnation),
  raiseIncarnation: (to) =>
    statement(world, () => {
      world.incarnation = Math.max(world.incarnation, to)
    }),
  wakeWebhooks: (limit) => statement(world, () => wakeWebhooks(world, limit)),
  prune: (limit, range) => statement(world, () => prune(world, limit, range)),
  pruneExpired: (limit) => statement(world, () => pruneExpired(world, limit)),
  finished: () =>
    statement(world, () => {
      world.lastSweepAtMs = world.nowMs()
    }),
})

const takeDue = (world: World, limit: number): DueDelivery[] =>
  openDeliveries(world)
    .filter(({ dueAtMs }) => dueAtMs <= world.nowMs())
    .sort((a, b) => a.dueAtMs - b.dueAtMs)
    .slice(0, limit)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((row) => take(world, row))

const take = (world: World, row: DeliveryRow): DueDelivery => {
  const nowMs = world.nowMs()
  const finding = findingOf(world, row)
  const probes = row.probes + 1
  if (row.leaseUntilMs !== null && row.leaseUntilMs <= nowMs) {
    writeUnknown(world, row)
    row.crashCount += 1
    row.claimToken = null
    row.leaseUntilMs = null
  }
  change(world, row, finding)
  row.probes = finding === 'unqueued' ? probes : 0
  const generation = row.generation + 1
  if (finding === 'unqueued' || finding === 'expired_lease') row.generation = generation
  return {
    deliveryId: row.id,
    finding,
    probes,
    generation,
    delayMs: Math.max(0, row.nextAttemptAtMs - nowMs),
  }
}

const findingOf = (world: World, row: DeliveryRow): DueDelivery['finding'] => {
  const webhook = webhookOf(world, row)
  if (row.leaseUntilMs !== null && row.leaseUntilMs > world.nowMs()) return 'in_flight'
  if (webhook.deleted) return 'cancelled'
  if (row.leaseUntilMs !== null) {
    return row.crashCount >= CRASH_BUDGET ? 'crash_budget' : 'expired_lease'
  }
  if (row.parked === 'webhook_disabled') {
    return webhook.status === 'disabled' ? 'parked' : 'unqueued'
  }
  const state = world.health.get(row.webhookId)?.state ?? 'closed'
  const waits = row.parked !== null && row.nextAttemptAtMs === Infinity
  return waits && state !== 'closed' ? 'parked' : 'unqueued'
}

const change = (world: World, row: DeliveryRow, finding: DueDelivery['finding']): void => {
  const nowMs = world.nowMs()
  const { graceMs } = world.settings
  switch (finding) {
    case 'in_flight':
      row.dueAtMs = row.leaseUntilMs ?? nowMs
      return
    case 'parked':
      row.dueAtMs = nowMs + HOUR_MS
      return
    case 'expired_lease':
      row.nextAttemptAtMs = nowMs + AFTER_CRASH_MS
      row.dueAtMs = row.nextAttemptAtMs + graceMs
      return
    case 'cancelled':
    case 'crash_budget':
      row.status = finding === 'cancelled' ? 'cancelled' : 'dead'
      if (finding === 'crash_budget') row.deadReason = 'crash_budget'
      row.finishedAtMs = nowMs
      if (finding === 'crash_budget') noteDead(world, row, { code: null, statusCode: null })
      return
    case 'unqueued':
      if (row.parked === 'webhook_disabled' || row.nextAttemptAtMs === Infinity)
        row.nextAttemptAtMs = nowMs
      row.parked = null
      row.dueAtMs =
        Math.max(row.nextAttemptAtMs, nowMs) + graceMs * 2 ** Math.min(row.probes, MAX_DOUBLINGS)
  }
}

type Keyset = { beganMs: number; nextMs: number; id: string }

const makeDue = (world: World, limit: number, after: string | undefined) => {
  const nowMs = world.nowMs()
  const from = after === undefined ? undefined : (JSON.parse(after) as Keyset)
  const beganMs = from?.beganMs ?? nowMs
  const isAfter = ({ nextAttemptAtMs, id }: DeliveryRow) =>
    from === undefined ||
    nextAttemptAtMs > from.nextMs ||
    (nextAttemptAtMs === from.nextMs && id > from.id)
  const lost = openDeliveries(world)
    .filter((row) => row.leaseUntilMs === null && row.dueAtMs > nowMs && row.createdAtMs <= beganMs)
    .filter(({ nextAttemptAtMs }) => nextAttemptAtMs <= nowMs + world.settings.queueHorizonMs)
    .filter(isAfter)
    .sort((a, b) => a.nextAttemptAtMs - b.nextAttemptAtMs)
    .slice(0, limit)
  for (const row of lost) Object.assign(row, { dueAtMs: nowMs, probes: 0 })
  const last = lost.at(-1)
  const next: Keyset | undefined =
    last !== undefined && lost.length === limit
      ? { beganMs, nextMs: last.nextAttemptAtMs, id: last.id }
      : undefined
  return { next: next === undefined ? undefined : JSON.stringify(next), count: lost.length }
}

const pruneExpired = (world: World, limit: number): number => {
  const expired = [...world.keys].filter(([, { expiresAtMs }]) => expiresAtMs < world.nowMs())
  const removed = expired.slice(0, limit)
  for (const [place] of removed) world.keys.delete(place)
  return removed.length
}

type Range = Parameters<SweepStore['prune']>[1]

const prune = (world: World, limit: number, { before, after = '' }: Range) => {
  const nowMs = world.nowMs()
  const open = new Set(openDeliveries(world).map(({ messageId }) => messageId))
  const old = [...world.messages.values()]
    .filter(({ id, createdAtMs }) => {
      const ageMs = nowMs - createdAtMs
      return ageMs > world.settings.retentionDays * DAY_MS && !open.has(id)
    })
    .filter(({ id }) => id < before && id > after)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, limit)
  for (const { id } of old) forget(world, id)
  return { next: old.length === limit ? old.at(-1)?.id : undefined, removed: old.length }
}

const forget = (world: World, messageId: string): void => {
  world.messages.delete(messageId)
  for (const delivery of world.deliveries.values()) {
    if (delivery.messageId !== messageId) continue
    world.deliveries.delete(delivery.id)
    world.attempts.delete(delivery.id)
  }
}
