// Pages of the log, newest first, keyset on ids, which sort by time. Each page reads about as many rows as it shows,
// however long the log is and whatever it is filtered by: every read below is one range of one index (decision 0012).

import { sql, type Kysely, type RawBuilder, type Selectable } from 'kysely'
import type { DeliveryQuery, MessageQuery, MessageSummary } from '../broker/ports.ts'
import { DELIVERY_STATUSES, type DeliveryStatus } from '../domain/delivery.ts'
import { firstIdAt, type IdPrefix } from '../domain/ids.ts'
import type { WebhookStatus } from '../domain/webhook.ts'
import type { Tables } from './schema.ts'

// 'infinity' stands for "until somebody acts"; the driver makes it a number, which is no Date.
export type DeliveryRow = Selectable<Tables['deliveries']> & {
  url: string
  webhook_status: WebhookStatus
  /** Until when the breaker of the webhook is open. */
  open_until: Date | null
  now: Date
}

type Condition = RawBuilder<unknown>

/** The deliveries of a message share the time in their ids: a narrow range of the primary key. */
export const deliveryIdRange = (messageId: string): { from: string; to: string } => {
  const time = messageId.slice(4, 14)
  return { from: `dlv_${time}`, to: `dlv_${time}~` }
}

/** @returns the rows of a page, and the id to go on below; null at the end */
export const deliveryPage = async (
  db: Kysely<Tables>,
  query: DeliveryQuery,
): Promise<{ rows: DeliveryRow[]; nextId: string | null }> => {
  if (query.webhookId !== undefined && !(await hasWebhook(db, query))) {
    return { rows: [], nextId: null }
  }
  const { rows } = await deliveriesStatement(query).execute(db)
  return cut(rows, query.pageSize)
}

/**
 * One short read per status, merged: the index begins with what is asked for, then the status, then the id. Ids first,
 * from the index alone, then their rows: a read of whole rows would let Postgres walk past the rows of all other events
 * instead, which is no dearer while an event is frequent, and reads the whole log once it has fallen silent. Only the
 * deliveries of one message need no index of their own.
 */
export const deliveriesStatement = (query: DeliveryQuery): RawBuilder<DeliveryRow> => {
  const limit = query.pageSize + 1
  const read = (...conditions: Condition[]) =>
    sql`(select d.id from deliveries d where ${sql.join([...conditions, ...idBounds('dlv', query)], sql` and `)}
      order by d.id desc limit ${limit})`
  const statuses: readonly DeliveryStatus[] =
    query.status === undefined ? DELIVERY_STATUSES : [query.status]
  const reads =
    query.messageId === undefined
      ? statuses.map((status) => read(...owner(query), sql`d.status = ${status}`))
      : [read(...ofMessage(query, query.messageId))]
  return sql<DeliveryRow>`
    with page as materialized (
      select id from (${sql.join(reads, sql` union all `)}) d order by id desc limit ${limit}
    )
    select d.*, w.url, w.status as webhook_status, h.open_until, now() as now
    from page p
    join deliveries d on d.id = p.id
    join webhooks w on w.id = d.webhook_id
    left join webhook_health h on h.webhook_id = d.webhook_id
    order by d.id desc`
}

/** What the index begins with. A webhook belongs to one tenant and one event, which has been asked already. */
const owner = ({ tenant, webhookId, eventName }: DeliveryQuery): Condition[] => {
  if (webhookId !== undefined) return [sql`d.webhook_id = ${webhookId}`]
  if (eventName === undefined) return [sql`d.tenant = ${tenant}`]
  return [sql`d.tenant = ${tenant}`, sql`d.event_name = ${eventName}`]
}

const ofMessage = (query: DeliveryQuery, messageId: string): Condition[] => {
  const { tenant, webhookId, eventName, status } = query
  const range = deliveryIdRange(messageId)
  const same = (column: string, value: string | undefined) =>
    value === undefined ? [] : [sql`${sql.ref(column)} = ${value}`]
  return [
    sql`d.id >= ${range.from} and d.id < ${range.to} and d.message_id = ${messageId} and d.tenant = ${tenant}`,
    ...same('d.webhook_id', webhookId),
    ...same('d.event_name', eventName),
    ...same('d.status', status),
  ]
}

/** Without it, asking for the webhook of another tenant or event would read all its deliveries to show none. */
const hasWebhook = async (db: Kysely<Tables>, query: DeliveryQuery): Promise<boolean> => {
  const webhook = await db
    .selectFrom('webhooks')
    .select(['tenant', 'event_name'])
    .where('id', '=', query.webhookId ?? '')
    .executeTakeFirst()
  if (webhook?.tenant !== query.tenant) return false
  return query.eventName === undefined || query.eventName === webhook.event_name
}

/** @returns a page of messages without their payloads */
export const messagePage = async (
  db: Kysely<Tables>,
  query: MessageQuery,
): Promise<{ messages: MessageSummary[]; nextId: string | null }> => {
  const { rows } = await messagesStatement(query).execute(db)
  const page = cut(rows, query.pageSize)
  return { messages: page.rows.map(toSummary), nextId: page.nextId }
}

type MessageRow = Omit<Selectable<Tables['messages']>, 'payload' | 'traceparent' | 'tenant'> & {
  size: number
}

// The length of a payload is known without reading it, also where it lies outside the row.
export const messagesStatement = (query: MessageQuery): RawBuilder<MessageRow> => {
  const { tenant, eventName } = query
  const conditions = [
    sql`d.tenant = ${tenant}`,
    ...(eventName === undefined ? [] : [sql`d.event_name = ${eventName}`]),
    ...idBounds('msg', query),
  ]
  return sql<MessageRow>`
    with page as materialized (
      select d.id from messages d where ${sql.join(conditions, sql` and `)}
      order by d.id desc limit ${query.pageSize + 1}
    )
    select d.id, d.event_name, d.content_type, octet_length(d.payload) as size, d.matched, d.created_at
    from page p join messages d on d.id = p.id
    order by d.id desc`
}

const toSummary = (row: MessageRow): MessageSummary => ({
  id: row.id,
  eventName: row.event_name,
  contentType: row.content_type,
  size: row.size,
  matched: row.matched,
  createdAt: row.created_at,
})

type Bounds = Pick<DeliveryQuery, 'from' | 'to' | 'beforeId'>

// An id carries the time by the clock of the process that took the trigger, created_at that of the database. The bound
// on the id is what keeps the read short, the one on the time is what counts. A process whose clock is off by more than
// this hides its rows from a filter by time, and from nothing else.
const CLOCK_MARGIN_MS = 60_000

const idBounds = (prefix: IdPrefix, { from, to, beforeId }: Bounds): Condition[] => [
  ...(from === undefined
    ? []
    : [
        sql`d.id >= ${firstIdAt(prefix, from.getTime() - CLOCK_MARGIN_MS)} and d.created_at >= ${from}`,
      ]),
  ...(to === undefined
    ? []
    : [sql`d.id < ${firstIdAt(prefix, to.getTime() + CLOCK_MARGIN_MS)} and d.created_at < ${to}`]),
  ...(beforeId === undefined ? [] : [sql`d.id < ${beforeId}`]),
]

/** One row more was read than is shown: it says whether there is another page. */
const cut = <Row extends { id: string }>(rows: Row[], pageSize: number) => {
  const shown = rows.slice(0, pageSize)
  return { rows: shown, nextId: rows.length > pageSize ? (shown.at(-1)?.id ?? null) : null }
}
