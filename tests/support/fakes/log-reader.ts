// Reading the log in memory: deliveries, messages and the audit. The contract suite holds it to what Postgres does.

import type {
  AuditDay,
  AuditStore,
  DeliveryQuery,
  DeliveryView,
  LogReader,
  MessageQuery,
} from '../../../lib/broker/ports.ts'
import { waitingFor } from '../../../lib/domain/delivery.ts'
import { statement, webhookOf, type DeliveryRow, type World } from './world.ts'

export const makeFakeLogReader = (world: World): LogReader => ({
  deliveries: (query) => statement(world, () => deliveries(world, query)),
  messages: (query) => statement(world, () => messages(world, query)),
  delivery: (tenant, id) =>
    statement(world, () => {
      const row = world.deliveries.get(id)
      if (row?.tenant !== tenant) return undefined
      return { ...toView(world, row), attempts: structuredClone(world.attempts.get(id) ?? []) }
    }),
  message: (tenant, id) =>
    statement(world, () => {
      const row = world.messages.get(id)
      if (row?.tenant !== tenant) return undefined
      const made = [...world.deliveries.values()]
        .filter(({ messageId }) => messageId === id)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
      const { eventName, contentType, payload, createdAtMs } = row
      return {
        id,
        eventName,
        contentType,
        payload,
        createdAt: new Date(createdAtMs),
        deliveries: made.map((delivery) => toView(world, delivery)),
      }
    }),
  ping: () => statement(world, () => undefined),
})

export const makeFakeAuditStore = (world: World): AuditStore => ({
  days: (tenant) =>
    statement(world, () => {
      const days = new Map<string, AuditDay>()
      for (const row of world.messages.values()) {
        if (row.tenant !== tenant) continue
        const day = dayOf(days, row)
        day.messages += 1
        day.matched += row.matched
      }
      for (const row of world.deliveries.values()) {
        if (row.tenant !== tenant) continue
        const { status } = row
        dayOf(days, row)[status === 'pending' || status === 'retrying' ? 'open' : status] += 1
      }
      return [...days.values()].sort((a, b) => (a.day < b.day ? -1 : 1))
    }),
})

const dayOf = (days: Map<string, AuditDay>, { createdAtMs }: { createdAtMs: number }): AuditDay => {
  const day = new Date(createdAtMs).toISOString().slice(0, 10)
  const empty = { day, messages: 0, matched: 0, delivered: 0, dead: 0, cancelled: 0, open: 0 }
  const known = days.get(day) ?? empty
  days.set(day, known)
  return known
}

const deliveries = (world: World, query: DeliveryQuery) => {
  const same = (wanted: string | undefined, is: string) => wanted === undefined || wanted === is
  const rows = [...world.deliveries.values()].filter(
    (row) =>
      row.tenant === query.tenant &&
      same(query.status, row.status) &&
      same(query.eventName, row.eventName) &&
      same(query.webhookId, row.webhookId) &&
      same(query.messageId, row.messageId),
  )
  const { shown, nextId } = page(rows, query)
  return { deliveries: shown.map((row) => toView(world, row)), nextId }
}

const messages = (world: World, query: MessageQuery) => {
  const rows = [...world.messages.values()].filter(
    ({ tenant, eventName }) =>
      tenant === query.tenant && (query.eventName ?? eventName) === eventName,
  )
  const { shown, nextId } = page(rows, query)
  return {
    messages: shown.map(({ id, eventName, contentType, payload, matched, createdAtMs }) => ({
      id,
      eventName,
      contentType,
      size: payload.byteLength,
      matched,
      createdAt: new Date(createdAtMs),
    })),
    nextId,
  }
}

type Bounds = Pick<DeliveryQuery, 'from' | 'to' | 'beforeId' | 'pageSize'>

const page = <Row extends { id: string; createdAtMs: number }>(rows: Row[], query: Bounds) => {
  const within = rows
    .filter(
      ({ id, createdAtMs }) =>
        createdAtMs >= (query.from?.getTime() ?? -Infinity) &&
        createdAtMs < (query.to?.getTime() ?? Infinity) &&
        (query.beforeId === undefined || id < query.beforeId),
    )
    .sort((a, b) => (a.id < b.id ? 1 : -1))
  const shown = within.slice(0, query.pageSize)
  return { shown, nextId: within.length > query.pageSize ? (shown.at(-1)?.id ?? null) : null }
}

const dateOrNull = (ms: number | null) =>
  ms === null || !Number.isFinite(ms) ? null : new Date(ms)

const toView = (world: World, row: DeliveryRow): DeliveryView => {
  const webhook = webhookOf(world, row)
  const inFlight = row.leaseUntilMs !== null && row.leaseUntilMs > world.nowMs()
  return {
    id: row.id,
    messageId: row.messageId,
    webhookId: row.webhookId,
    eventName: row.eventName,
    webhookUrl: webhook.webhookUrl,
    status: row.status,
    inFlight,
    attemptCount: row.attemptCount,
    nextAttemptAt: row.finishedAtMs === null && !inFlight ? dateOrNull(row.nextAttemptAtMs) : null,
    waiting: waitingFor({
      status: row.status,
      now: new Date(world.nowMs()),
      leaseUntil: dateOrNull(row.leaseUntilMs),
      nextAttemptAt: new Date(row.nextAttemptAtMs),
      parked: webhook.status === 'disabled' ? 'webhook_disabled' : row.parked,
      breakerUntil: dateOrNull(world.health.get(row.webhookId)?.openUntilMs ?? null),
    }),
    createdAt: new Date(row.createdAtMs),
    firstDeliveredAt: dateOrNull(row.firstDeliveredAtMs),
    finishedAt: dateOrNull(row.finishedAtMs),
    deadReason: row.deadReason,
  }
}
