// Claiming in memory: a compare-and-set that says why it refuses.

import type { Claim, ClaimHealth, ClaimOutcome } from '../../../lib/broker/ports.ts'
import { CRASH_BUDGET, type ParkReason } from '../../../lib/domain/delivery.ts'
import { newHealth } from './health-store.ts'
import { noteDead } from './operational-events.ts'
import {
  openDeliveries,
  webhookOf,
  writeUnknown,
  type DeliveryRow,
  type WebhookRow,
  type World,
} from './world.ts'

const HOUR_MS = 3_600_000
const NAMED_MS = 20
const BUSY_MS = 250
const HELD_MS = 1_000

export const claim = (
  world: World,
  deliveryId: string,
  { token, hasTurn }: { token: string; hasTurn: boolean },
): ClaimOutcome => {
  const row = world.deliveries.get(deliveryId)
  if (row === undefined) return { kind: 'gone' }
  if (row.finishedAtMs !== null) return { kind: 'finished' }
  const nowMs = world.nowMs()
  const webhook = webhookOf(world, row)
  if (row.leaseUntilMs !== null && row.leaseUntilMs > nowMs) {
    return row.claimToken === token
      ? { kind: 'claimed', claim: toClaim(world, row, webhook) }
      : { kind: 'leased', untilMs: row.leaseUntilMs, dbNowMs: nowMs }
  }
  const crashedOut = row.leaseUntilMs !== null && row.crashCount >= CRASH_BUDGET
  const early = row.nextAttemptAtMs > nowMs
  if (early && !webhook.deleted && !crashedOut && webhook.status === 'enabled') {
    return row.parked === null || Number.isFinite(row.nextAttemptAtMs)
      ? { kind: 'not_due', atMs: row.nextAttemptAtMs, dbNowMs: nowMs }
      : { kind: 'parked', reason: row.parked }
  }
  const needsTurn = webhook.rateLimit !== null && !hasTurn
  if (needsTurn && mayGo(world, row, webhook) && !crashedOut)
    return {
      kind: 'needs_turn',
      deliveryId,
      webhookId: row.webhookId,
      rateLimit: webhook.rateLimit ?? { limit: 1, perSeconds: 1 },
    }
  endLease(world, row)
  if (webhook.deleted) return end(world, row, { status: 'cancelled' })
  if (crashedOut) {
    const ended = end(world, row, { status: 'dead', deadReason: 'crash_budget' })
    noteDead(world, row, { code: null, statusCode: null })
    return ended
  }
  if (webhook.status === 'disabled') return park(world, row, 'webhook_disabled')
  const health = healthOf(world, row)
  const waits = waitsForWebhook(world, row, webhook)
  if (waits !== undefined) return waits
  row.released = false
  row.attemptCount += 1
  row.claimToken = token
  row.claimedAtMs = nowMs
  row.leaseUntilMs = nowMs + timeoutOf(world, webhook) + world.settings.marginMs
  world.admissions.claimed(row.webhookId, row.id)
  return { kind: 'claimed', claim: { ...toClaim(world, row, webhook), health } }
}

/** What the direct dispatcher may claim: the longest due first, then in the order of ids. */
export const claimable = (world: World, limit: number): string[] => {
  const nowMs = world.nowMs()
  return openDeliveries(world)
    .filter((row) => row.nextAttemptAtMs <= nowMs && (row.leaseUntilMs ?? 0) <= nowMs)
    .sort((a, b) => a.nextAttemptAtMs - b.nextAttemptAtMs)
    .slice(0, limit)
    .map(({ id }) => id)
    .sort()
}

const timeoutOf = (world: World, webhook: WebhookRow) =>
  webhook.timeoutMs ?? world.settings.timeoutMs

/** An attempt whose worker died is written as unknown before anything else happens. */
const endLease = (world: World, row: DeliveryRow): void => {
  if (row.leaseUntilMs !== null) {
    writeUnknown(world, row)
    row.crashCount += 1
  }
  Object.assign(row, { leaseUntilMs: null, claimToken: null, probes: 0, parked: null })
}

const end = (world: World, row: DeliveryRow, change: Partial<DeliveryRow>): ClaimOutcome => {
  Object.assign(row, change, { finishedAtMs: world.nowMs() })
  return { kind: 'finished' }
}

const park = (world: World, row: DeliveryRow, reason: ParkReason): ClaimOutcome => {
  row.parked = reason
  row.nextAttemptAtMs = Infinity
  row.dueAtMs = world.nowMs() + HOUR_MS
  row.released = false
  return { kind: 'parked', reason }
}

const again = (world: World, row: DeliveryRow, atMs: number): ClaimOutcome => {
  row.nextAttemptAtMs = atMs
  row.dueAtMs = atMs + world.settings.graceMs
  return { kind: 'not_due', atMs, dbNowMs: world.nowMs() }
}

const healthOf = (world: World, row: DeliveryRow): ClaimHealth => {
  const health = world.health.get(row.webhookId)
  const since = health?.failingSinceMs ?? null
  return {
    probe: health?.state === 'open' && health.probeId === row.id,
    released: row.released,
    opens: health?.opens ?? 0,
    failingForMs: since === null ? null : world.nowMs() - since,
  }
}

/** Whether nothing but its rate limit is in the way. */
const mayGo = (world: World, row: DeliveryRow, webhook: WebhookRow): boolean => {
  const health = world.health.get(row.webhookId)
  const isProbe = health?.probeId === row.id && (health.openUntilMs ?? 0) <= world.nowMs()
  if (webhook.deleted || webhook.status === 'disabled') return false
  if (health?.state === 'open') return isProbe
  return health?.state !== 'ramping' || row.released
}

/** The breaker, a backlog, or too much under way. @returns undefined when it may be attempted */
const waitsForWebhook = (
  world: World,
  row: DeliveryRow,
  webhook: WebhookRow,
): ClaimOutcome | undefined => {
  const nowMs = world.nowMs()
  const health = world.health.get(row.webhookId)
  if (health?.state === 'open') {
    if (health.probeId !== null && health.probeId !== row.id)
      return park(world, row, 'breaker_open')
    const openUntilMs = health.openUntilMs ?? nowMs
    if (health.probeId === row.id && openUntilMs <= nowMs) return undefined
    health.probeId = row.id
    row.parked = 'breaker_open'
    return again(world, row, Math.max(openUntilMs, nowMs + NAMED_MS))
  }
  if (health?.state === 'ramping' && !row.released) return capped(world, row, false)
  return pastItsRoom(world, row, webhook)
}

const pastItsRoom = (
  world: World,
  row: DeliveryRow,
  webhook: WebhookRow,
): ClaimOutcome | undefined => {
  const view = world.admissions.view(1)
  const mine = view.webhooks.find(({ webhookId }) => webhookId === row.webhookId)
  const here = mine?.inFlight ?? 0
  if (row.released) {
    if (mine?.slow !== true || view.slowRoom > 0) return undefined
    return again(world, row, world.nowMs() + HELD_MS)
  }
  const room = Math.min(mine?.room ?? view.otherwise, (webhook.maxInFlight ?? Infinity) - here)
  if (room > 0) return undefined
  if (mine?.parks !== true && webhook.maxInFlight === null)
    return again(world, row, world.nowMs() + BUSY_MS)
  const health = newHealth(world, 'ramping')
  const since = world.health.get(row.webhookId)?.failingSinceMs ?? null
  world.health.set(row.webhookId, {
    ...health,
    failingSinceMs: since,
    released: Math.max(here, 1),
  })
  if (here > 0) return capped(world, row, true)
  row.released = true
  return again(world, row, world.nowMs() + HELD_MS)
}

const capped = (world: World, row: DeliveryRow, began: boolean): ClaimOutcome => {
  const outcome = park(world, row, 'capped')
  world.admissions.parked(row.webhookId, began)
  return outcome
}

const toClaim = (world: World, row: DeliveryRow, webhook: WebhookRow): Claim => {
  const message = world.messages.get(row.messageId)
  if (message === undefined) throw new Error(`no message ${row.messageId}`)
  const overlaps = webhook.previousSecretUntilMs > world.nowMs()
  return {
    deliveryId: row.id,
    token: row.claimToken ?? '',
    attemptNumber: row.attemptCount,
    series: row.series,
    stepsUsed: row.stepsUsed,
    previousWasStale: row.lastStale,
    messageId: row.messageId,
    tenant: row.tenant,
    eventName: row.eventName,
    contentType: message.contentType,
    payload: message.payload,
    createdAtMs: message.createdAtMs,
    webhookId: row.webhookId,
    webhookUrl: webhook.webhookUrl,
    headers: { ...webhook.headers },
    sealedSecrets:
      webhook.previousSecret !== null && overlaps
        ? [webhook.secret, webhook.previousSecret]
        : [webhook.secret],
    timeoutMs: timeoutOf(world, webhook),
    claimedAtMs: row.claimedAtMs,
    leaseUntilMs: row.leaseUntilMs ?? 0,
    traceparent: message.traceparent,
    health: healthOf(world, row),
  }
}
