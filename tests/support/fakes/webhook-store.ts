// The store of webhooks in memory. The contract suite holds it to what Postgres does.

import type {
  NewWebhook,
  RoutingChange,
  WebhookKey,
  WebhookQuery,
  WebhookStore,
} from '../../../lib/broker/ports.ts'
import type { DisabledReason, Webhook, WebhookChange } from '../../../lib/domain/webhook.ts'
import { newHealth } from './health-store.ts'
import { noteDisabled } from './operational-events.ts'
import { openDeliveries, statement, type WebhookRow, type World } from './world.ts'

export const makeFakeWebhookStore = (world: World): WebhookStore => ({
  register: (webhook) => statement(world, () => register(world, webhook)),
  list: (query) => statement(world, () => list(world, query)),
  find: (key) => statement(world, () => toWebhookOrNot(living(world, key))),
  change: (key, change) => statement(world, () => changeWebhook(world, key, change)),
  remove: (key) => statement(world, () => remove(world, key)),
  rotateSecret: (key, sealedSecret, overlapMs) =>
    statement(world, () => {
      const row = living(world, key)
      if (row === undefined) return undefined
      row.previousSecret = row.secret
      row.previousSecretUntilMs = world.nowMs() + overlapMs
      row.secret = sealedSecret
      return toWebhook(row)
    }),
  disable: (id, reason) => statement(world, () => disable(world, id, reason)),
  releaseParked: (id, limit) => statement(world, () => releaseParked(world, id, limit)),
  routingVersions: () =>
    statement(world, () =>
      [...world.versions].map(([tenant, version]) => ({ tenant, version })).sort(byTenant),
    ),
  routingSnapshot: (tenant) => statement(world, () => snapshot(world, tenant)),
})

const byTenant = (a: { tenant: string }, b: { tenant: string }) => (a.tenant < b.tenant ? -1 : 1)

const toWebhook = ({
  secret: _secret,
  previousSecret: _previous,
  previousSecretUntilMs: _until,
  deleted: _deleted,
  ...webhook
}: WebhookRow): Webhook => structuredClone(webhook)

const toWebhookOrNot = (row: WebhookRow | undefined) =>
  row === undefined ? undefined : toWebhook(row)

const living = (world: World, { tenant, eventName, id }: WebhookKey) => {
  const row = world.webhooks.get(id)
  return row?.tenant === tenant && row.eventName === eventName && !row.deleted ? row : undefined
}

const bump = (world: World, row: WebhookRow, op: RoutingChange['op']): RoutingChange => {
  const { tenant, eventName, webhookUrl } = row
  const from = world.versions.get(tenant) ?? 0
  world.versions.set(tenant, from + 1)
  return { tenant, eventName, webhookUrl, op, from, to: from + 1 }
}

export const disable = (world: World, id: string, reason: DisabledReason): RoutingChange | null => {
  const row = world.webhooks.get(id)
  if (row === undefined || row.deleted || row.status === 'disabled') return null
  Object.assign(row, { status: 'disabled', disabledReason: reason })
  noteDisabled(world, row)
  return bump(world, row, 'remove')
}

const register = (world: World, { sealedSecret, ...given }: NewWebhook) => {
  const existing = [...world.webhooks.values()].find(
    (row) =>
      !row.deleted &&
      row.tenant === given.tenant &&
      row.eventName === given.eventName &&
      row.webhookUrl === given.webhookUrl,
  )
  if (existing !== undefined) return { webhook: toWebhook(existing), created: false, change: null }
  const now = new Date(world.nowMs())
  const row: WebhookRow = {
    ...structuredClone(given),
    status: 'enabled',
    disabledReason: null,
    createdAt: now,
    updatedAt: now,
    secret: sealedSecret,
    previousSecret: null,
    previousSecretUntilMs: 0,
    deleted: false,
  }
  world.webhooks.set(row.id, row)
  return { webhook: toWebhook(row), created: true, change: bump(world, row, 'add') }
}

const list = (world: World, { tenant, eventName, pageSize, offset, cursor }: WebhookQuery) => {
  const place = ({ createdAt, id }: WebhookRow) => `${createdAt.toISOString()} ${id}`
  const all = [...world.webhooks.values()]
    .filter((row) => !row.deleted && row.tenant === tenant)
    .filter((row) => eventName === undefined || row.eventName === eventName)
    .sort((a, b) => (place(a) < place(b) ? -1 : 1))
  const rest =
    cursor === undefined
      ? all.slice(offset)
      : all.filter((row) => place(row) > `${cursor.createdAt} ${cursor.id}`)
  const page = rest.slice(0, pageSize)
  const last = rest.length > pageSize ? page.at(-1) : undefined
  return {
    webhooks: page.map(toWebhook),
    total: all.length,
    nextCursor:
      last === undefined ? null : { createdAt: last.createdAt.toISOString(), id: last.id },
  }
}

const changeWebhook = (
  world: World,
  key: WebhookKey,
  change: WebhookChange & { disabledReason?: Webhook['disabledReason'] },
) => {
  const row = living(world, key)
  if (row === undefined) return undefined
  const before = row.status
  const named = Object.entries(change).filter(([, value]) => value !== undefined)
  Object.assign(row, structuredClone(Object.fromEntries(named)), {
    updatedAt: new Date(world.nowMs()),
  })
  if (before === 'enabled' && row.status === 'disabled') noteDisabled(world, row)
  const routing =
    before === row.status ? null : bump(world, row, row.status === 'enabled' ? 'add' : 'remove')
  const health = world.health.get(key.id)
  if (routing?.op === 'add' && health !== undefined) health.failingSinceMs = null
  return { webhook: toWebhook(row), change: routing }
}

const remove = (world: World, key: WebhookKey) => {
  const row = living(world, key)
  if (row === undefined) return undefined
  row.deleted = true
  for (const delivery of openDeliveries(world)) {
    if (delivery.webhookId !== key.id || delivery.leaseUntilMs !== null) continue
    Object.assign(delivery, { status: 'cancelled', finishedAtMs: world.nowMs(), parked: null })
  }
  return { change: row.status === 'enabled' ? bump(world, row, 'remove') : null }
}

const releaseParked = (world: World, webhookId: string, limit: number) => {
  const parked = openDeliveries(world)
    .filter((row) => row.webhookId === webhookId && row.parked !== null)
    .slice(0, limit)
  const nowMs = world.nowMs()
  const health = world.health.get(webhookId)
  if (health !== undefined)
    Object.assign(health, { ...newHealth(world, 'closed'), changedAtMs: nowMs })
  for (const row of parked) {
    Object.assign(row, { parked: null, nextAttemptAtMs: nowMs, dueAtMs: nowMs })
    row.generation += 1
  }
  return parked.map(({ id, generation }) => ({ deliveryId: id, generation }))
}

const snapshot = (world: World, tenant: string) => {
  const urls = new Map<string, string[]>()
  for (const row of world.webhooks.values()) {
    if (row.tenant !== tenant || row.deleted || row.status === 'disabled') continue
    urls.set(row.eventName, [...(urls.get(row.eventName) ?? []), row.webhookUrl])
  }
  return { tenant, version: world.versions.get(tenant) ?? 0, urls }
}
