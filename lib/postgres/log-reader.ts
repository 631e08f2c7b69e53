// Reading the delivery log: pages newest first, keyset on ids (which sort by time), one delivery with its attempts.

import { sql, type Kysely, type Selectable } from 'kysely'
import type { AttemptView, DeliveryQuery, DeliveryView, LogReader } from '../broker/ports.ts'
import { waitingFor } from '../domain/delivery.ts'
import type { WebhookStatus } from '../domain/webhook.ts'
import { translated, type Database } from './database.ts'
import type { Tables } from './schema.ts'

// 'infinity' stands for "until somebody acts"; the driver makes it a number, which is no Date.
type DeliveryRow = Selectable<Tables['deliveries']> & {
  url: string
  webhook_status: WebhookStatus
  now: Date
}

/** Builds the reader over a database. */
export const makeLogReader = ({ kysely }: Database): LogReader => ({
  deliveries: (query) => translated(() => deliveries(kysely, query)),
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
    .selectAll('d')
    .select(['w.url', 'w.status as webhook_status', sql<Date>`now()`.as('now')])
    .where('d.tenant', '=', tenant)

const deliveries = async (db: Kysely<Tables>, query: DeliveryQuery) => {
  let select = ofTenant(db, query.tenant)
  if (query.status !== undefined) select = select.where('d.status', '=', query.status)
  if (query.eventName !== undefined) select = select.where('d.event_name', '=', query.eventName)
  if (query.webhookId !== undefined) select = select.where('d.webhook_id', '=', query.webhookId)
  if (query.messageId !== undefined) {
    // The deliveries of a message share the time in their ids: a narrow range of the primary key.
    const range = deliveryIdRange(query.messageId)
    select = select
      .where('d.message_id', '=', query.messageId)
      .where('d.id', '>=', range.from)
      .where('d.id', '<', range.to)
  }
  if (query.from !== undefined) select = select.where('d.created_at', '>=', query.from)
  if (query.to !== undefined) select = select.where('d.created_at', '<', query.to)
  if (query.beforeId !== undefined) select = select.where('d.id', '<', query.beforeId)
  const rows = await select
    .orderBy('d.id', 'desc')
    .limit(query.pageSize + 1)
    .execute()
  const shown = rows.slice(0, query.pageSize)
  return {
    deliveries: shown.map(toDelivery),
    nextId: rows.length > query.pageSize ? (shown.at(-1)?.id ?? null) : null,
  }
}

const deliveryIdRange = (messageId: string) => {
  const time = messageId.slice(4, 14)
  return { from: `dlv_${time}`, to: `dlv_${time}~` }
}

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
