// Reads, changes, removes and tests one webhook.

import { BrokerError } from '../domain/errors.ts'
import { SECRET_NONCE_BYTES, type SecretBox } from '../domain/secret-box.ts'
import { makeSecret, ROTATION_OVERLAP_MS } from '../domain/signature.ts'
import { acceptCustomHeaders, type Webhook, type WebhookChange } from '../domain/webhook.ts'
import type { PublishSoon } from './publish-events.ts'
import type { BulkReplayStore, Missed, Random, WebhookKey, WebhookStore } from './ports.ts'
import { checkTimeout } from './register-webhook.ts'
import { applyRoutingChange, type RoutingDeps } from './routing.ts'
import { handOver, type TriggerAnswer, type TriggerDeps } from './trigger-event.ts'

export type ManageWebhook = {
  /** @throws BrokerError `not_found` (as do all of these) */
  find(key: WebhookKey): Promise<Webhook>
  /** `missed`: what it can be sent now that it is enabled again; null when that is nothing, or not known. */
  change(
    key: WebhookKey,
    change: WebhookChange,
  ): Promise<{ webhook: Webhook; missed: Missed | null }>
  /** Its open deliveries become `cancelled`; registering again makes a new webhook. */
  remove(key: WebhookKey): Promise<void>
  /** @returns the new secret, shown this once; the old one also signs for 24 hours */
  rotateSecret(key: WebhookKey): Promise<{ webhook: Webhook; secret: string }>
  /** Sends a sample event to this webhook only. @throws BrokerError `conflict` while it is disabled */
  test(key: WebhookKey): Promise<TriggerAnswer>
}

export type ManageDeps = RoutingDeps &
  Pick<TriggerDeps, 'ids' | 'deliveryLog' | 'handOver' | 'notHandedOver'> & {
    webhooks: WebhookStore
    random: Random
    secretBox: SecretBox
    publishSoon: PublishSoon
    bulkReplays: Pick<BulkReplayStore, 'missedNow'>
  }

const SECRET_BYTES = 32
// What is released at once when a webhook is enabled; the sweep finds the rest, which is due, too.
const RELEASE_LIMIT = 1_000
// Some tens of milliseconds. Who missed more is told that it is at least so many.
const MISSED_LOOKED_AT = 10_000

export const makeManageWebhook = (deps: ManageDeps): ManageWebhook => ({
  find: async (key) => (await deps.webhooks.find(key)) ?? notFound(),
  change: (key, change) => changeWebhook(deps, key, change),
  remove: async (key) => {
    const removed = (await deps.webhooks.remove(key)) ?? notFound()
    await applyRoutingChange(deps, removed.change)
    deps.log.info('webhook.removed', { webhookId: key.id })
  },
  rotateSecret: async (key) => {
    const secret = makeSecret(deps.random.bytes(SECRET_BYTES))
    const sealed = deps.secretBox.seal(secret, key.id, deps.random.bytes(SECRET_NONCE_BYTES))
    const webhook =
      (await deps.webhooks.rotateSecret(key, sealed, ROTATION_OVERLAP_MS)) ?? notFound()
    deps.log.info('webhook.secret_rotated', { webhookId: key.id })
    return { webhook, secret }
  },
  test: (key) => sendTest(deps, key),
})

const notFound = (): never => {
  throw new BrokerError('not_found', 'there is no such webhook')
}

const changeWebhook = async (deps: ManageDeps, key: WebhookKey, change: WebhookChange) => {
  checkTimeout(change.timeoutMs)
  const { status, headers } = change
  const changed = await deps.webhooks.change(key, {
    ...change,
    headers: headers === undefined ? undefined : acceptCustomHeaders(headers),
    ...(status === undefined ? {} : { disabledReason: status === 'disabled' ? 'manual' : null }),
  })
  if (changed === undefined) return notFound()
  await applyRoutingChange(deps, changed.change)
  const enabled = changed.change?.op === 'add'
  if (enabled) await releaseParked(deps, key.id)
  if (changed.change?.op === 'remove') await deps.publishSoon()
  deps.log.info('webhook.changed', { webhookId: key.id, fields: Object.keys(change) })
  return { webhook: changed.webhook, missed: enabled ? await missedBy(deps, key) : null }
}

/** The change is made: that nobody can count must not fail it. */
const missedBy = async (deps: ManageDeps, { tenant, id }: WebhookKey): Promise<Missed | null> => {
  try {
    const missed = await deps.bulkReplays.missedNow(tenant, id, MISSED_LOOKED_AT)
    return missed.messages === 0 && !missed.capped ? null : missed
  } catch (error) {
    deps.log.warn('webhook.missed_unknown', { webhookId: id, error })
    return null
  }
}

const releaseParked = async (deps: ManageDeps, webhookId: string) => {
  const ready = await deps.webhooks.releaseParked(webhookId, RELEASE_LIMIT)
  if (ready.length === 0) return
  const jobs = ready.map((delivery) => ({ ...delivery, delayMs: 0 }))
  await deps.patience.handOver().attempt(() => deps.handOver(jobs))
}

const sendTest = async (deps: ManageDeps, key: WebhookKey): Promise<TriggerAnswer> => {
  const webhook = (await deps.webhooks.find(key)) ?? notFound()
  if (webhook.status === 'disabled') {
    throw new BrokerError('conflict', 'the webhook is disabled; enable it to send it a test event')
  }
  const sample = { test: true, eventName: webhook.eventName, webhookId: webhook.id }
  const accepted = await deps.deliveryLog.accept({
    messageId: deps.ids.message(),
    tenant: key.tenant,
    eventName: webhook.eventName,
    contentType: 'application/json',
    payload: new TextEncoder().encode(JSON.stringify(sample)),
    idempotency: null,
    route: undefined,
    traceparent: null,
    onlyWebhookId: webhook.id,
  })
  await handOver(deps, accepted, deps.patience.handOver())
  return {
    messageId: accepted.messageId,
    eventName: accepted.eventName,
    deliveries: accepted.matched,
  }
}
