// The accept statement for the usual trigger of a quiet broker: one that comes alone, without a key, whose route is known.
// It decides as the statement for many does (accept.ts), with a quarter less of Postgres's time.

import type { AcceptInput } from '../broker/ports.ts'
import type { Database } from './database.ts'
import { asBuffer, deliveryId, interval } from './sql.ts'

/**
 * No row unless the route has the version of Postgres: then nothing is written, and the statement for many decides. The
 * route says which webhooks; only enabled ones count, so a stale extra URL creates nothing. Deliveries are made with their
 * message or not at all, so that a repeated statement makes none for webhooks that came since; and whoever repeats it at
 * the same time waits at the message, so that the order of the deliveries does not matter.
 */
const ACCEPT_ALONE = `
with route as materialized (
  select count(*)::int as matched, array_agg(w.id) as webhook_ids, array_agg(${deliveryId('$1::text', 'w.id')}) as ids
  from webhooks w
  where w.tenant = $2::text and w.event_name = $3::text and w.url = any($4::text[])
    and w.deleted_at is null and w.status = 'enabled'
  having $5::bigint = (select t.routing_version from tenants t where t.id = $2::text)
),
written as (
  insert into messages (id, tenant, event_name, content_type, payload, matched, traceparent, created_at)
  select $1::text, $2::text, $3::text, $6::text, $7::bytea, matched, $8::text, now() from route
  on conflict (id) do nothing
  returning id
),
made as (
  insert into deliveries (id, tenant, message_id, webhook_id, event_name, next_attempt_at, due_at, created_at)
  select d.id, $2::text, w.id, d.webhook_id, $3::text, now(), now() + ${interval('$9::float8')}, now()
  from written w, route r, unnest(r.ids, r.webhook_ids) as d(id, webhook_id)
  on conflict (id) do nothing
)
select matched, ids, not exists (select from written) as known from route`

// Its plan is kept, and made for a few URLs: at 50 it still saves a tenth, at 200 it takes longer than the one for many.
const MAX_URLS = 50

/** What a statement says of a trigger. */
export type AcceptedRow = {
  message_id: string
  matched: number
  replayed: boolean
  conflict: boolean
  /** The message was there already: the statement was sent again after its first answer was lost. */
  known: boolean
  believed: boolean
  ids: string[] | null
}

/** Accepts a batch of one. @returns undefined if it takes the statement for many; then nothing was written */
export const acceptAlone = async (
  database: Database,
  [input, ...others]: readonly AcceptInput[],
  graceMs: number,
): Promise<AcceptedRow[] | undefined> => {
  if (input === undefined || others.length > 0 || !isUsual(input)) return undefined
  const [row] = await database.query<Pick<AcceptedRow, 'matched' | 'ids' | 'known'>>(
    ACCEPT_ALONE,
    [
      input.messageId,
      input.tenant,
      input.eventName,
      input.route?.urls,
      input.route?.version,
      input.contentType,
      asBuffer(input.payload),
      input.traceparent,
      graceMs,
    ],
    'kept',
  )
  if (row === undefined) return undefined
  return [{ ...row, message_id: input.messageId, replayed: false, conflict: false, believed: true }]
}

// An empty set is never believed: a wiped set looks just like an event without webhooks.
const isUsual = ({ route, idempotency, onlyWebhookId }: AcceptInput): boolean => {
  const urls = route?.urls.length ?? 0
  return urls > 0 && urls <= MAX_URLS && idempotency === null && onlyWebhookId === undefined
}
