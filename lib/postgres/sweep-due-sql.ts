// The text of S1: what the sweep finds due, and what it makes of each. lib/postgres/sweep-store.ts sends it.

import { NOTE_DEAD } from './operational-events.ts'
import { interval, ms } from './sql.ts'

/*
 * S1. `skip locked`, so that two sweeps share the work and never wait. The due time is pushed and committed before
 * Redis is asked: a sweep that dies in between only delays the next question, with steps that grow (1, 2, 4 … 64 graces)
 * so that a long backlog is not probed again and again.
 */
export const TAKE_DUE = `
with taken as materialized (
  select d.* from deliveries d
  where d.finished_at is null and d.due_at <= now()
  order by d.due_at limit $1::int for update skip locked
),
judged as materialized (
  select t.*, (t.lease_until <= now()) is true as expired,
    case
      when t.lease_until > now() then 'in_flight'
      when w.deleted_at is not null then 'cancelled'
      when t.lease_until is not null and t.crash_count >= $2::int then 'crash_budget'
      when t.lease_until is not null then 'expired_lease'
      when t.parked = 'webhook_disabled' and w.status = 'disabled' then 'parked'
      when t.parked <> 'webhook_disabled' and t.next_attempt_at = 'infinity' and h.state in ('open', 'ramping') then 'parked'
      else 'unqueued'
    end as finding
  from taken t join webhooks w on w.id = t.webhook_id left join webhook_health h on h.webhook_id = t.webhook_id
),
unknown as (
  insert into attempts (delivery_id, number, series, started_at, outcome)
  select id, attempt_count, series, claimed_at, 'unknown' from judged where expired
  on conflict (delivery_id, number) do nothing
),
planned as materialized (
  select j.*,
    case
      when finding = 'expired_lease' then now() + interval '1 second'
      when finding = 'unqueued' and (parked = 'webhook_disabled' or next_attempt_at = 'infinity') then now()
      else next_attempt_at
    end as next_at
  from judged j
),
changed as (
  update deliveries d set
    crash_count = d.crash_count + p.expired::int,
    claim_token = case when p.expired then null else d.claim_token end,
    lease_until = case when p.expired then null else d.lease_until end,
    parked = case p.finding when 'unqueued' then null else d.parked end,
    next_attempt_at = p.next_at,
    probes = case p.finding when 'unqueued' then d.probes + 1 else 0 end,
    generation = d.generation + (p.finding in ('unqueued', 'expired_lease'))::int,
    due_at = case p.finding
      when 'in_flight' then d.lease_until
      when 'parked' then now() + interval '1 hour'
      when 'expired_lease' then p.next_at + ${interval('$3::float8')}
      else greatest(p.next_at, now()) + ${interval('$3::float8')} * power(2, least(d.probes, 6))
    end,
    status = case p.finding when 'cancelled' then 'cancelled' when 'crash_budget' then 'dead' else d.status end,
    dead_reason = case p.finding when 'crash_budget' then 'crash_budget' else d.dead_reason end,
    finished_at = case when p.finding in ('cancelled', 'crash_budget') then now() end
  from planned p where d.id = p.id
),
died as materialized (
  select id, tenant, message_id, webhook_id, event_name, 'crash_budget' as dead_reason, attempt_count,
    null::text as code, null::int as status_code
  from planned where finding = 'crash_budget'
),
noted as (${NOTE_DEAD})
select id, finding, probes + 1 as probes, generation + 1 as generation,
  greatest(0, ${ms('next_at')} - ${ms('now()')}) as delay_ms
from planned order by id`
