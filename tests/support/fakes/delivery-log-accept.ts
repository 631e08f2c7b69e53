// Accepting in memory: key, message and deliveries in one step.

import { createHash } from 'node:crypto'
import type { Accepted, AcceptInput } from '../../../lib/broker/ports.ts'
import { BrokerError } from '../../../lib/domain/errors.ts'
import type { DeliveryRow, KeyRow, WebhookRow, World } from './world.ts'

const KEY_LIFE_MS = 86_400_000

export const accept = (world: World, input: AcceptInput): Accepted => {
  // Postgres refuses a NUL in text; it stands for any row that is at fault.
  if (input.contentType.includes('\u0000')) throw new BrokerError('internal_error', 'refused')
  const known = world.messages.get(input.messageId)
  const webhooks = matching(world, input)
  const key = useKey(world, input, known?.matched ?? webhooks.length)
  const answer = {
    messageId: key?.messageId ?? input.messageId,
    eventName: input.eventName,
    matched: key?.matched ?? known?.matched ?? webhooks.length,
    believed: isBelieved(world, input),
  }
  if (key !== undefined && key.messageId !== input.messageId) {
    const same = key.eventName === input.eventName && key.payloadHash === hashOf(input)
    return { ...answer, deliveryIds: [], replayed: true, conflict: !same }
  }
  if (known === undefined) write(world, input, webhooks)
  const deliveryIds = [...world.deliveries.values()]
    .filter(({ messageId }) => messageId === input.messageId)
    .map(({ id }) => id)
  return { ...answer, deliveryIds, replayed: false, conflict: false }
}

/** The routing table is believed at Postgres's own version, and never when it is empty. */
const matching = (world: World, input: AcceptInput): WebhookRow[] => {
  const { tenant, eventName, route, onlyWebhookId } = input
  const ofTenant = [...world.webhooks.values()].filter(
    (row) => row.tenant === tenant && !row.deleted,
  )
  if (onlyWebhookId !== undefined) return ofTenant.filter(({ id }) => id === onlyWebhookId)
  const enabled = ofTenant.filter((row) => row.eventName === eventName && row.status === 'enabled')
  return route !== undefined && isBelieved(world, input)
    ? enabled.filter(({ webhookUrl }) => route.urls.includes(webhookUrl))
    : enabled
}

const isBelieved = (world: World, { tenant, route }: AcceptInput): boolean =>
  route !== undefined && route.urls.length > 0 && route.version === world.versions.get(tenant)

const hashOf = ({ idempotency }: AcceptInput) =>
  Buffer.from(idempotency?.payloadHash ?? []).toString('hex')

const useKey = (world: World, input: AcceptInput, matched: number): KeyRow | undefined => {
  const { tenant, idempotency, messageId, eventName } = input
  if (idempotency === null) return undefined
  const place = `${tenant}\n${idempotency.key}`
  const held = world.keys.get(place)
  if (held !== undefined && held.expiresAtMs > world.nowMs()) return held
  const expiresAtMs = world.nowMs() + KEY_LIFE_MS
  const row = { messageId, eventName, payloadHash: hashOf(input), matched, expiresAtMs }
  world.keys.set(place, row)
  return row
}

const write = (world: World, input: AcceptInput, webhooks: readonly WebhookRow[]): void => {
  const { messageId, tenant, eventName, contentType, payload, traceparent } = input
  const createdAtMs = world.nowMs()
  const matched = webhooks.length
  world.messages.set(messageId, {
    id: messageId,
    tenant,
    eventName,
    contentType,
    payload: payload.slice(),
    matched,
    traceparent,
    createdAtMs,
  })
  for (const webhook of webhooks) {
    const row = newDelivery(input, webhook.id, createdAtMs)
    row.dueAtMs += world.settings.graceMs
    world.deliveries.set(row.id, row)
  }
}

const newDelivery = (input: AcceptInput, webhookId: string, nowMs: number): DeliveryRow => {
  const hash = createHash('sha256')
    .update(input.messageId + webhookId)
    .digest('hex')
  return {
    id: `dlv_${input.messageId.slice(4, 14)}${hash.slice(0, 16)}`,
    tenant: input.tenant,
    messageId: input.messageId,
    webhookId,
    eventName: input.eventName,
    status: 'pending',
    parked: null,
    deadReason: null,
    series: 1,
    attemptCount: 0,
    stepsUsed: 0,
    crashCount: 0,
    probes: 0,
    generation: 0,
    lastStale: false,
    released: false,
    claimToken: null,
    claimedAtMs: 0,
    leaseUntilMs: null,
    nextAttemptAtMs: nowMs,
    dueAtMs: nowMs,
    createdAtMs: nowMs,
    firstDeliveredAtMs: null,
    finishedAtMs: null,
  }
}
