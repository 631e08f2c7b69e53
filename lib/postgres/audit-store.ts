// The conservation check, from SQL alone and in one snapshot: what was matched is what the deliveries add up to.

import type { AuditDay, AuditStore } from '../broker/ports.ts'
import type { Database } from './database.ts'

// Deliveries carry the time of their message, so both sides fall on the same day.
const AUDIT = `
with accepted as (
  select (created_at at time zone 'UTC')::date as day, count(*) as messages, sum(matched) as matched
  from messages where tenant = $1::text group by 1
),
made as (
  select (created_at at time zone 'UTC')::date as day,
    count(*) filter (where status = 'delivered') as delivered,
    count(*) filter (where status = 'dead') as dead,
    count(*) filter (where status = 'cancelled') as cancelled,
    count(*) filter (where finished_at is null) as open
  from deliveries where tenant = $1::text group by 1
)
select to_char(day, 'YYYY-MM-DD') as day,
  coalesce(a.messages, 0)::float8 as messages, coalesce(a.matched, 0)::float8 as matched,
  coalesce(m.delivered, 0)::float8 as delivered, coalesce(m.dead, 0)::float8 as dead,
  coalesce(m.cancelled, 0)::float8 as cancelled, coalesce(m.open, 0)::float8 as open
from accepted a full join made m using (day)
order by day`

/** Builds the store over a database. */
export const makeAuditStore = (database: Database): AuditStore => ({
  days: (tenant) => database.query<AuditDay>(AUDIT, [tenant]),
})
