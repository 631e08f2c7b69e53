// The outbox of operational events: how statements note that a delivery has died, and what publishers take. Triggers note
// the rest (migrations/0008).

import type { OperationalEventStore } from '../broker/ports.ts'
import type { NotedEvent } from '../domain/operational-event.ts'
import type { Database } from './database.ts'
import { ms } from './sql.ts'

/**
 * Notes deliveries that have died, where somebody is registered for that: a part of the statement that ends them, which
 * has them as `died (id, tenant, message_id, webhook_id, event_name, dead_reason, attempt_count, code, status_code)`.
 * Never deliveries of operational events themselves.
 */
export const NOTE_DEAD = `
  insert into operational_events (tenant, event_name, data)
  select d.tenant, 'broker.delivery.dead', jsonb_build_object(
    'deliveryId', d.id, 'messageId', d.message_id, 'webhookId', d.webhook_id, 'eventName', d.event_name,
    'webhookUrl', w.url, 'reason', d.dead_reason, 'attempts', d.attempt_count, 'code', d.code,
    'statusCode', d.status_code)
  from died d join webhooks w on w.id = d.webhook_id
  where not starts_with(d.event_name, 'broker.') and exists (
    select from webhooks r
    where r.tenant = d.tenant and r.event_name = 'broker.delivery.dead' and r.status = 'enabled' and r.deleted_at is null)
  order by d.id
  returning id`

// A publisher that dies leaves what it took to the next one.
const TAKE = `
with next as materialized (
  select id from operational_events where next_at <= now() order by next_at limit $1::int for update skip locked
)
update operational_events e set next_at = now() + interval '30 seconds'
from next n where e.id = n.id
returning e.id, e.tenant, e.event_name as name, e.data, ${ms('e.created_at')} as noted_ms`

type Row = Pick<NotedEvent, 'id' | 'tenant' | 'name' | 'data'> & { noted_ms: number }

/** Builds the store over a database. */
export const makeOperationalEventStore = (database: Database): OperationalEventStore => ({
  take: async (limit) => {
    const rows = await database.query<Row>(TAKE, [limit])
    return rows.map(({ noted_ms: notedAtMs, ...event }) => ({ ...event, notedAtMs }) as NotedEvent)
  },
  published: async (ids) => {
    await database.query('delete from operational_events where id = any($1::uuid[])', [[...ids]])
  },
})
