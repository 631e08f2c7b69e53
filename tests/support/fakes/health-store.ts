// The health of webhooks in memory. The contract suite holds it to what Postgres does.

import type { HealthStore, Ready } from '../../../lib/broker/ports.ts'
import { FIRST_RELEASE } from '../../../lib/domain/fair-share.ts'
import { noteHealth } from './operational-events.ts'
import { openDeliveries, statement, type DeliveryRow, type HealthRow, type World } from './world.ts'

const HOUR_MS = 3_600_000

export const makeFakeHealthStore = (world: World): HealthStore => ({
  open: (opening) => statement(world, () => open(world, opening)),
  close: (webhookId, probeId, count) =>
    statement(world, () => {
      const row = world.health.get(webhookId)
      if (row?.state !== 'open' || row.probeId !== probeId) return []
      const ready = letGo(world, oldest(world, webhookId, count))
      noteHealth(world, webhookId, ['recovered', row.failingSinceMs ?? 0])
      Object.assign(row, { ...WELL, state: 'ramping', released: ready.length })
      row.changedAtMs = world.nowMs()
      return ready
    }),
  release: ({ webhookId, count, limit, anew = false }) =>
    statement(world, () => {
      const row = world.health.get(webhookId)
      if (row === undefined || row.state === 'open') return { ready: [], drained: true }
      const leftOver = anew ? 0 : Math.max(row.released - 1, 0)
      const wanted = Math.min(count, Math.max(limit - leftOver, 0))
      const ready = letGo(world, oldest(world, webhookId, wanted))
      if (ready.length < wanted) row.state = 'closed'
      else if (ready.length > 0) row.state = 'ramping'
      Object.assign(row, { released: leftOver + ready.length, changedAtMs: world.nowMs() })
      return { ready, drained: ready.length < wanted }
    }),
  failing: (webhookId) =>
    statement(world, () => {
      const row = world.health.get(webhookId) ?? newHealth(world, 'closed')
      row.failingSinceMs ??= world.nowMs()
      world.health.set(webhookId, row)
    }),
  succeeded: (webhookId) =>
    statement(world, () => {
      const row = world.health.get(webhookId)
      if (row !== undefined) row.failingSinceMs = null
    }),
})

const WELL = { openUntilMs: null, opens: 0, probeId: null, failingSinceMs: null }

export const newHealth = (world: World, state: HealthRow['state']): HealthRow => ({
  ...WELL,
  state,
  released: 0,
  changedAtMs: world.nowMs(),
})

const isWaiting = (row: DeliveryRow) =>
  (row.parked === 'capped' || row.parked === 'breaker_open') && row.nextAttemptAtMs === Infinity

const oldest = (world: World, webhookId: string, limit: number): DeliveryRow[] =>
  openDeliveries(world)
    .filter((row) => row.webhookId === webhookId && isWaiting(row))
    .slice(0, limit)

const letGo = (world: World, rows: readonly DeliveryRow[]): Ready[] =>
  rows.map((row) => {
    const nowMs = world.nowMs()
    Object.assign(row, { parked: null, released: true, nextAttemptAtMs: nowMs })
    row.dueAtMs = nowMs + world.settings.graceMs
    row.generation += 1
    return { deliveryId: row.id, generation: row.generation }
  })

const open = (
  world: World,
  { webhookId, openForMs, probeId }: Parameters<HealthStore['open']>[0],
) => {
  const nowMs = world.nowMs()
  const row = world.health.get(webhookId) ?? newHealth(world, 'closed')
  const mayOpen =
    probeId === undefined ? row.state !== 'open' : row.state === 'open' && row.probeId === probeId
  if (!mayOpen) return { opened: false, probe: undefined }
  world.health.set(webhookId, row)
  const opens = probeId === undefined ? 1 : row.opens + 1
  const openUntilMs = nowMs + openForMs
  const failingSinceMs = row.failingSinceMs ?? nowMs
  if (row.state !== 'open') noteHealth(world, webhookId, ['failing', failingSinceMs])
  const probe = nameProbe(world, webhookId, openUntilMs)
  const probeNow = probe?.deliveryId ?? null
  Object.assign(row, { state: 'open', openUntilMs, opens, failingSinceMs, probeId: probeNow })
  Object.assign(row, { released: probeId === undefined ? 0 : row.released, changedAtMs: nowMs })
  return { opened: true, probe }
}

const nameProbe = (world: World, webhookId: string, atMs: number) => {
  const row = oldest(world, webhookId, Infinity).at(-1)
  if (row === undefined) return undefined
  Object.assign(row, { parked: 'breaker_open', nextAttemptAtMs: atMs })
  row.dueAtMs = atMs + world.settings.graceMs
  row.generation += 1
  return { deliveryId: row.id, generation: row.generation, delayMs: atMs - world.nowMs() }
}

/** Those whose chain is broken, as the sweep finds them. */
export const wakeWebhooks = (world: World, limit: number): Ready[] => {
  forgetWell(world)
  const nowMs = world.nowMs()
  const stuck = [...world.health]
    .filter(([id, row]) => isStuck(world, row) && oldest(world, id, 1).length > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, limit)
  return stuck.flatMap(([id, row]) => {
    const opened = row.state === 'open'
    const rows = oldest(world, id, opened ? 1 : FIRST_RELEASE)
    const ready = letGo(world, rows)
    for (const one of rows) one.released = !opened
    if (opened) row.probeId = ready[0]?.deliveryId ?? null
    else Object.assign(row, { state: 'ramping', released: ready.length })
    row.changedAtMs = nowMs
    return ready
  })
}

const isStuck = (world: World, row: HealthRow): boolean => {
  const sinceMs = world.nowMs() - world.settings.stuckMs
  if (row.state === 'closed') return true
  if (row.state === 'ramping') return row.changedAtMs < sinceMs
  const probe = row.probeId === null ? undefined : world.deliveries.get(row.probeId)
  const probeLives =
    probe?.finishedAtMs === null &&
    (probe.leaseUntilMs !== null || probe.nextAttemptAtMs <= world.nowMs())
  return (row.openUntilMs ?? 0) < sinceMs && !probeLives
}

const forgetWell = (world: World): void => {
  for (const [id, row] of world.health) {
    const idle = row.state === 'closed' && row.failingSinceMs === null
    const old = row.changedAtMs < world.nowMs() - HOUR_MS
    if (world.webhooks.get(id)?.deleted === true || (idle && old)) world.health.delete(id)
  }
}
