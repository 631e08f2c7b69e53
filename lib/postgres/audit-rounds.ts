// The conservation check in small pieces, for the sweep: each adds up some thousand messages and what was made of them,
// by the time that both ids begin with, so it reads two short ranges of primary keys. One statement is one snapshot: a
// delivery that moves meanwhile is counted once.

import type { AuditDay, AuditPiece, AuditRounds } from '../broker/ports.ts'
import { firstIdAt } from '../domain/ids.ts'
import type { Database } from './database.ts'

// Behind every id.
const END = '~'

// Whoever sweeps takes the next piece; the row is locked for as long as the piece takes. A round that has come to its
// end begins again an hour later. A piece ends between two moments, never within one: a message and its deliveries
// share theirs.
const NEXT = `
with turn as materialized (
  select coalesce(cursor, $2::text) as since from audit_progress where id = 1 and next_at <= now() for update skip locked
),
cut as materialized (
  select since, (select id from messages where id >= 'msg_' || since order by id offset $1::int limit 1) as id from turn
),
piece as materialized (
  select since, coalesce((
    select substr(m.id, 5, 10) from messages m
    where c.id is not null and m.id >= greatest(c.id, 'msg_' || since || '${END}')
    order by m.id limit 1), '${END}') as until
  from cut c
),
accepted as (
  select tenant, (created_at at time zone 'UTC')::date as day, count(*) as messages, sum(matched) as matched
  from messages where id >= (select 'msg_' || since from piece) and id < (select 'msg_' || until from piece)
  group by 1, 2
),
made as (
  select tenant, (created_at at time zone 'UTC')::date as day,
    count(*) filter (where status = 'delivered') as delivered,
    count(*) filter (where status = 'dead') as dead,
    count(*) filter (where status = 'cancelled') as cancelled,
    count(*) filter (where finished_at is null) as open
  from deliveries where id >= (select 'dlv_' || since from piece) and id < (select 'dlv_' || until from piece)
  group by 1, 2
),
days as (
  select tenant, to_char(day, 'YYYY-MM-DD') as day, coalesce(a.messages, 0)::float8 as messages,
    coalesce(a.matched, 0)::float8 as matched, coalesce(m.delivered, 0)::float8 as delivered,
    coalesce(m.dead, 0)::float8 as dead, coalesce(m.cancelled, 0)::float8 as cancelled,
    coalesce(m.open, 0)::float8 as open
  from accepted a full join made m using (tenant, day)
),
moved as (
  update audit_progress set cursor = nullif(p.until, '${END}'),
    next_at = case p.until when '${END}' then now() + interval '1 hour' else now() end
  from piece p
)
select 'msg_' || since as "fromId", 'msg_' || until as "untilId", until <> '${END}' as more,
  coalesce((select json_agg(d order by d.tenant, d.day) from days d), '[]') as days
from piece`

type Row = Omit<AuditPiece, 'days'> & { days: (AuditDay & { tenant: string })[] }

/** Builds the store over a database. */
export const makeAuditRounds = (database: Database): AuditRounds => ({
  next: async (limit, oldestMs) => {
    const [row] = await database.query<Row>(NEXT, [limit, timeOf(firstIdAt('msg', oldestMs))])
    return row
  },
})

/** The ten characters of time behind the prefix. */
const timeOf = (messageId: string): string => messageId.slice(4, 14)
