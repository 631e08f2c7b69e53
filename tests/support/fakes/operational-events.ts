// Noting and taking operational events in memory. The contract suite holds it to what Postgres does.

import { randomUUID } from 'node:crypto'
import type { OperationalEventStore } from '../../../lib/broker/ports.ts'
import type { NotedEvent, OperationalEvent } from '../../../lib/domain/operational-event.ts'
import { statement, webhookOf, type DeliveryRow, type WebhookRow, type World } from './world.ts'

const HELD_MS = 30_000

export const makeFakeOperationalEventStore = (world: World): OperationalEventStore => ({
  take: (limit) =>
    statement(world, () => {
      const due = [...world.events.values()]
        .filter(({ nextAtMs }) => nextAtMs <= world.nowMs())
        .slice(0, limit)
      for (const row of due) row.nextAtMs = world.nowMs() + HELD_MS
      return due.map(({ nextAtMs: _next, ...event }) => event)
    }),
  published: (ids) =>
    statement(world, () => {
      for (const id of ids) world.events.delete(id)
    }),
})

/** As Postgres does: nothing about webhooks of operational events, and nothing that nobody is registered for. */
const note = (world: World, about: WebhookRow, event: OperationalEvent): boolean => {
  const { tenant } = about
  const heard = [...world.webhooks.values()].some(
    (row) =>
      row.tenant === tenant &&
      row.eventName === event.name &&
      row.status === 'enabled' &&
      !row.deleted,
  )
  if (!heard || about.eventName.startsWith('broker.')) return false
  const noted: NotedEvent = { ...event, id: randomUUID(), tenant, notedAtMs: world.nowMs() }
  world.events.set(noted.id, { ...noted, nextAtMs: world.nowMs() })
  return true
}

const aboutOf = ({ id, eventName, webhookUrl }: WebhookRow) => ({
  webhookId: id,
  eventName,
  webhookUrl,
})

export const noteDisabled = (world: World, webhook: WebhookRow): boolean =>
  note(world, webhook, {
    name: 'broker.webhook.disabled',
    data: { ...aboutOf(webhook), reason: webhook.disabledReason ?? 'manual' },
  })

export const noteHealth = (
  world: World,
  webhookId: string,
  [kind, failingSinceMs]: ['failing' | 'recovered', number],
): boolean => {
  const webhook = webhookOf(world, { webhookId })
  const data = { ...aboutOf(webhook), failingSinceMs }
  return note(world, webhook, { name: `broker.webhook.${kind}`, data })
}

export const noteDead = (
  world: World,
  row: DeliveryRow,
  answer: Pick<
    Extract<OperationalEvent, { name: 'broker.delivery.dead' }>['data'],
    'code' | 'statusCode'
  >,
): boolean => {
  const webhook = webhookOf(world, row)
  return note(world, webhook, {
    name: 'broker.delivery.dead',
    data: {
      ...aboutOf(webhook),
      deliveryId: row.id,
      messageId: row.messageId,
      reason: row.deadReason ?? 'crash_budget',
      attempts: row.attemptCount,
      ...answer,
    },
  })
}
