// Claiming in memory: a compare-and-set that says why it refuses.

import type { Claim, ClaimOutcome } from '../../../lib/broker/ports.ts'
import { CRASH_BUDGET } from '../../../lib/domain/delivery.ts'
import {
  openDeliveries,
  webhookOf,
  writeUnknown,
  type DeliveryRow,
  type WebhookRow,
  type World,
} from './world.ts'

const HOUR_MS = 3_600_000

export const claim = (world: World, deliveryId: string, token: string): ClaimOutcome => {
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
    return row.parked === null
      ? { kind: 'not_due', atMs: row.nextAttemptAtMs, dbNowMs: nowMs }
      : { kind: 'parked', reason: row.parked }
  }
  endLease(world, row)
  if (webhook.deleted) return end(world, row, { status: 'cancelled' })
  if (crashedOut) return end(world, row, { status: 'dead', deadReason: 'crash_budget' })
  if (webhook.status === 'disabled') return park(world, row)
  row.attemptCount += 1
  row.claimToken = token
  row.claimedAtMs = nowMs
  row.leaseUntilMs = nowMs + timeoutOf(world, webhook) + world.settings.marginMs
  return { kind: 'claimed', claim: toClaim(world, row, webhook) }
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

const park = (world: World, row: DeliveryRow): ClaimOutcome => {
  row.parked = 'webhook_disabled'
  row.nextAttemptAtMs = Infinity
  row.dueAtMs = world.nowMs() + HOUR_MS
  return { kind: 'parked', reason: 'webhook_disabled' }
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
  }
}
