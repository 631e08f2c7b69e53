// Reading the delivery log: one delivery with its attempts, one message with its deliveries; the lists: log-pages.ts.

import { sql, type Kysely, type Selectable } from 'kysely'
import type { AttemptView, DeliveryView, LogReader } from '../broker/ports.ts'
import { waitingFor } from '../domain/delivery.ts'
import { translated, type Database } from './database.ts'
import { deliveryIdRange, deliveryPage, messagePage, type DeliveryRow } from './log-pages.ts'
import type { Tables } from './schema.ts'

/** Builds the reader over a database. */
export const makeLogReader = ({ kysely }: Database): LogReader => ({
  deliveries: (query) =>
    translated(async () => {
      const { rows, nextId } = await deliveryPage(kysely, query)
      return { deliveries: rows.map(toDelivery), nextId }
    }),
  messages: (query) => translated(() => messagePage(kysely, query)),
  delivery: (tenant, id) => translated(() => delivery(kysely, tenant, id)),
  message: (tenant, id) => translated(() => message(kysely, tenant, id)),
  ping: () =>
    translated(async () => {
      await sql`select 1`.execute(kysely)
    }),
})

const ofTenant = (db: Kysely<Tables>, tenant: string) =>
  db
    .selectFrom('deliveries as d')
    .innerJoin('webhooks as w', 'w.id', 'd.webhook_id')
    .leftJoin('webhook_health as h', 'h.webhook_id', 'd.webhook_id')
    .selectAll('d')
    .select(['w.url', 'w.status as webhook_status', 'h.open_until', sql<Date>`now()`.as('now')])
    .where('d.tenant', '=', tenant)

const delivery = async (db: Kysely<Tables>, tenant: string, id: string) => {
  const row = await ofTenant(db, tenant).where('d.id', '=', id).executeTakeFirst()
  if (row === undefined) return undefined
  const attempts = await db
    .selectFrom('attempts')
    .selectAll()
    .where('delivery_id', '=', id)
    .orderBy('number')
    .execute()
  return { ...toDelivery(row), attempts: attempts.map(toAttempt) }
}

const message = async (db: Kysely<Tables>, tenant: string, id: string) => {
  const row = await db
    .selectFrom('messages')
    .selectAll()
    .where('id', '=', id)
    .where('tenant', '=', tenant)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const range = deliveryIdRange(id)
  const made = await ofTenant(db, tenant)
    .where('d.message_id', '=', id)
    .where('d.id', '>=', range.from)
    .where('d.id', '<', range.to)
    .orderBy('d.id')
    .execute()
  return {
    id: row.id,
    eventName: row.event_name,
    contentType: row.content_type,
    payload: row.payload,
    createdAt: row.created_at,
    deliveries: made.map(toDelivery),
  }
}

const toDelivery = (row: DeliveryRow): DeliveryView => {
  const open = row.finished_at === null
  const inFlight = row.lease_until !== null && row.lease_until > row.now
  return {
    id: row.id,
    messageId: row.message_id,
    webhookId: row.webhook_id,
    eventName: row.event_name,
    webhookUrl: row.url,
    status: row.status,
    inFlight,
    attemptCount: row.attempt_count,
    nextAttemptAt: open && !inFlight ? finite(row.next_attempt_at) : null,
    waiting: waitingFor({
      status: row.status,
      now: row.now,
      leaseUntil: row.lease_until,
      nextAttemptAt: row.next_attempt_at,
      // A delivery is parked when its job comes up; the reader should not have to wait for that.
      parked: row.webhook_status === 'disabled' ? 'webhook_disabled' : row.parked,
      breakerUntil: row.open_until,
    }),
    createdAt: row.created_at,
    firstDeliveredAt: row.first_delivered_at,
    finishedAt: row.finished_at,
    deadReason: row.dead_reason,
  }
}

const finite = (time: Date | number): Date | null => (time instanceof Date ? time : null)

const toAttempt = (row: Selectable<Tables['attempts']>): AttemptView => ({
  number: row.number,
  series: row.series,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
  durationMs: row.duration_ms,
  outcome: row.outcome,
  code: row.code,
  statusCode: row.status_code,
  responseHeaders: row.response_headers,
  responseBody: row.response_body,
  detail: row.detail,
})
