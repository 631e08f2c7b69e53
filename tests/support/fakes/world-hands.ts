// The hands of the contract tests on the world in memory: what store-hands.ts says in SQL.

import type { StoreHands } from '../store-hands.ts'
import type { DeliveryRow, World } from './world.ts'

const DAY_MS = 86_400_000

export const worldHands = (world: World): StoreHands => {
  const delivery = (id: string): DeliveryRow => {
    const row = world.deliveries.get(id)
    if (row === undefined) throw new Error(`no delivery ${id}`)
    return row
  }
  const secondsFromNow = (atMs: number) =>
    Number.isFinite(atMs) ? Math.round((atMs - world.nowMs()) / 1000) : -1
  const keysNamed = (key: string) =>
    [...world.keys].filter(([place]) => place.slice(place.indexOf('\n') + 1) === key)
  const done = (change: () => unknown) => Promise.resolve().then(change)

  return {
    rowOf: (id) => Promise.resolve(factsOf(delivery(id), secondsFromNow)),
    outcomesOf: (id) =>
      Promise.resolve(
        (world.attempts.get(id) ?? []).map(({ number, outcome }) => `${number} ${outcome}`),
      ),
    countDeliveries: (id) =>
      Promise.resolve(
        [...world.deliveries.values()].filter(({ messageId }) => messageId === id).length,
      ),
    hasKey: (key) => Promise.resolve(keysNamed(key).length > 0),
    hasSwept: () => Promise.resolve(world.lastSweepAtMs !== null),
    expireLease: (id) => done(() => (delivery(id).leaseUntilMs = world.nowMs() - 1_000)),
    makeDueNow: (id) =>
      done(() => {
        const row = delivery(id)
        row.dueAtMs = world.nowMs() - 1_000
        row.nextAttemptAtMs = Math.min(row.nextAttemptAtMs, world.nowMs())
      }),
    patch: (id, change) =>
      done(() => {
        const { status, finished, unclaimed, series, crashCount } = change
        const { createdInMs, nextInMs, dueInMs } = change
        const row = delivery(id)
        const nowMs = world.nowMs()
        if (status !== undefined) row.status = status
        if (finished === true) row.finishedAtMs = nowMs
        if (unclaimed === true) Object.assign(row, { claimToken: null, leaseUntilMs: null })
        if (series !== undefined) row.series = series
        if (crashCount !== undefined) row.crashCount = crashCount
        if (createdInMs !== undefined) row.createdAtMs = nowMs + createdInMs
        if (nextInMs !== undefined) row.nextAttemptAtMs = nowMs + nextInMs
        if (dueInMs !== undefined) row.dueAtMs = nowMs + dueInMs
      }),
    endAllOpen: () =>
      done(() => {
        for (const row of world.deliveries.values()) row.finishedAtMs ??= world.nowMs()
      }),
    forgetDelivery: (id) => done(() => world.deliveries.delete(id)),
    deleteWebhookAlone: (id) => done(() => Object.assign(webhook(world, id), { deleted: true })),
    endRotation: (id) => done(() => (webhook(world, id).previousSecretUntilMs = world.nowMs())),
    expireKey: (key) =>
      done(() => {
        for (const [, row] of keysNamed(key)) row.expiresAtMs = world.nowMs() - 1_000
      }),
    ageMessages: (ids, days) =>
      done(() => {
        for (const row of world.messages.values())
          if (ids.includes(row.id)) row.createdAtMs = world.nowMs() - days * DAY_MS
      }),
    letPublishersDie: () =>
      done(() => {
        for (const row of world.events.values()) row.nextAtMs = world.nowMs()
      }),
  }
}

const webhook = (world: World, id: string) => {
  const row = world.webhooks.get(id)
  if (row === undefined) throw new Error(`no webhook ${id}`)
  return row
}

const factsOf = (row: DeliveryRow, secondsFromNow: (atMs: number) => number) => ({
  status: row.status,
  attempt_count: row.attemptCount,
  crash_count: row.crashCount,
  steps_used: row.stepsUsed,
  dead_reason: row.deadReason,
  parked: row.parked,
  series: row.series,
  due_in: secondsFromNow(row.dueAtMs),
  next_in: secondsFromNow(row.nextAttemptAtMs),
  leased: row.leaseUntilMs !== null,
})
