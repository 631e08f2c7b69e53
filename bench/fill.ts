// Fills a migrated Postgres with a log as a broker leaves it after a week, by SQL alone: most deliveries delivered, a few
// in every other status, some webhooks busy and some long silent.

import { CompiledQuery } from 'kysely'
import type { Database } from '../lib/postgres/database.ts'

export type Filled = {
  tenant: string
  eventNames: string[]
  webhookIds: string[]
  /** Of messages here and there in the log. */
  messageIds: string[]
  fromMs: number
  toMs: number
}

const EVENTS = 20
const WEBHOOKS = 100
const DAYS = 7

// The ten characters of time that an id begins with (domain/ids).
const TIME_OF_ID = `
create or replace function pg_temp.id_time(ms bigint) returns text language sql immutable as $$
  select string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', ((ms >> (5 * i)) & 31)::int + 1, 1), '' order by i desc)
  from generate_series(0, 9) as i
$$`

const SETUP = [
  TIME_OF_ID,
  `insert into tenants (id, routing_version) values ('default', ${WEBHOOKS})`,
  `insert into webhooks (id, tenant, event_name, url, secret)
   select 'wh_' || lpad(n::text, 26, '0'), 'default', 'event-' || n % ${EVENTS}, 'http://127.0.0.1:4000/hook/' || n, 'plain:none'
   from generate_series(1, ${WEBHOOKS}) n`,
]

// Two deliveries a message. Webhooks 1 to 20 are silent since the second day, and all that they got is dead.
const fillStatement = (messages: number) => `
with made as materialized (
  select n, now() - ${DAYS} * interval '1 day' * (1 - n::float8 / ${messages}) as at from generate_series(1, ${messages}) n
),
named as materialized (
  select n, at, pg_temp.id_time(floor(extract(epoch from at) * 1000)::bigint) as time, lpad(n::text, 16, '0') as tail from made
),
written as (
  insert into messages (id, tenant, event_name, content_type, payload, matched, created_at)
  select 'msg_' || time || tail, 'default', 'event-' || n % ${EVENTS}, 'application/json',
    convert_to('{"name":"cat.png","number":' || n || '}', 'UTF8'), 2, at from named
),
to_whom as materialized (
  select n, at, time, tail, w, case when n < ${messages} * 2 / 7 and (n / ${EVENTS}) % 50 = 0 then 1 + n % ${EVENTS}
      else 1 + ${EVENTS} + (n * 2 + w) % ${WEBHOOKS - EVENTS} end as webhook,
    n % 1000 as lot
  from named, generate_series(0, 1) w
),
ended as materialized (
  select *, case
    when webhook <= ${EVENTS} or lot < 5 then 'dead'
    when lot < 8 then 'cancelled'
    when lot < 15 then 'retrying'
    when lot < 20 then 'pending'
    else 'delivered' end as status
  from to_whom
),
delivered as (
  insert into deliveries (id, tenant, message_id, webhook_id, event_name, status, attempt_count, next_attempt_at, due_at,
    created_at, first_delivered_at, finished_at, dead_reason)
  select 'dlv_' || time || w || right(tail, 15), 'default', 'msg_' || time || tail, 'wh_' || lpad(webhook::text, 26, '0'),
    'event-' || webhook % ${EVENTS}, status, (status <> 'pending')::int, at, at + interval '30 seconds', at,
    case status when 'delivered' then at + interval '80 ms' end,
    case when status in ('delivered', 'dead', 'cancelled') then at + interval '80 ms' end,
    case status when 'dead' then 'schedule_exhausted' end
  from ended
)
insert into attempts (delivery_id, number, series, started_at, finished_at, duration_ms, outcome, code, status_code)
select 'dlv_' || time || w || right(tail, 15), 1, 1, at, at + interval '80 ms', 20 + lot % 100,
  case status when 'delivered' then 'succeeded' else 'failed' end, 'http_status',
  case status when 'delivered' then 200 else 503 end
from ended where status <> 'pending'`

/** @param deliveries how many, at least a thousand */
export const fill = async (database: Database, deliveries: number): Promise<Filled> => {
  const { kysely } = database
  const messages = Math.ceil(deliveries / 2)
  await kysely.connection().execute(async (db) => {
    for (const text of [...SETUP, fillStatement(messages)]) await run(db, text)
    for (const table of ['deliveries', 'messages', 'attempts', 'webhooks'])
      await run(db, `vacuum analyze ${table}`)
  })
  const ids = await database.query<{ id: string }>(
    `select id from messages where right(id, 4)::int % ${Math.ceil(messages / 100)} = 0 limit 100`,
    [],
  )
  const [span] = await database.query<{ from_ms: number; to_ms: number }>(
    `select extract(epoch from min(created_at))::float8 * 1000 as from_ms,
       extract(epoch from max(created_at))::float8 * 1000 as to_ms from messages`,
    [],
  )
  return {
    tenant: 'default',
    eventNames: Array.from({ length: EVENTS }, (_, n) => `event-${n}`),
    webhookIds: Array.from({ length: WEBHOOKS }, (_, n) => `wh_${String(n + 1).padStart(26, '0')}`),
    messageIds: ids.map(({ id }) => id),
    fromMs: span?.from_ms ?? 0,
    toMs: span?.to_ms ?? 0,
  }
}

type Connection = Parameters<
  Parameters<ReturnType<Database['kysely']['connection']>['execute']>[0]
>[0]

const run = async (db: Connection, text: string): Promise<void> => {
  await db.executeQuery(CompiledQuery.raw(text))
}
