// The text of the result, in two forms: for results of any kind, and for a batch in which a delivery ends badly.
// lib/postgres/record.ts sends them. The usual one, for what was delivered, is in turn-sql.ts.

import { NOTE_DEAD } from './operational-events.ts'
import { interval, ms } from './sql.ts'

/*
 * `held`: the claim is still this attempt's. `repeated`: this very result is already recorded (the answer was lost).
 * Neither: the lease was lost; a success is recorded all the same, because the receiver did get it, and turns `dead`
 * and `cancelled` into `delivered`; a failure is dropped, the log says `unknown` already.
 * A result of an older series (before a replay) is written as an attempt and changes no status.
 */
const RESULTS = `
with asked as materialized (
  select * from unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::float8[], $6::float8[], $7::boolean[],
    $8::text[], $9::int[], $10::text[], $11::bytea[], $12::text[], $13::text[], $14::float8[], $15::boolean[],
    $16::boolean[])
  as a(id, token, number, series, claimed_ms, duration_ms, succeeded, code, status_code, response_headers,
    response_body, detail, dead_reason, delay_ms, uses_step, stale)
),
locked as materialized (
  select d.* from deliveries d where d.id in (select id from asked) order by d.id for update
),
judged as materialized (
  select a.*, d.series as current_series, d.finished_at as was_finished_at,
    (d.claim_token = a.token and d.attempt_count = a.number) is true and d.lease_until is not null as held,
    (d.claim_token = a.token and d.attempt_count = a.number) is true and d.lease_until is null as repeated
  from asked a join locked d on d.id = a.id
),
logged as (
  insert into attempts (delivery_id, number, series, started_at, finished_at, duration_ms, outcome, code, status_code,
    response_headers, response_body, detail)
  select id, number, series, to_timestamp(claimed_ms / 1000), now(), duration_ms,
    case when succeeded then 'succeeded' else 'failed' end, code, status_code,
    response_headers::jsonb, response_body, detail
  from judged where held or (succeeded and not repeated)
  on conflict (delivery_id, number) do update set
    outcome = excluded.outcome, finished_at = excluded.finished_at, duration_ms = excluded.duration_ms,
    code = excluded.code, status_code = excluded.status_code, response_headers = excluded.response_headers,
    response_body = excluded.response_body, detail = excluded.detail
  where attempts.outcome = 'unknown'
),
planned as materialized (
  select j.*,
    case
      when j.series <> j.current_series then null
      when j.succeeded then 'delivered'
      when j.was_finished_at is not null then null
      when j.delay_ms is not null then 'retrying'
      else 'dead'
    end as new_status,
    now() + ${interval('j.delay_ms')} as next_at
  from judged j
  where j.held or (j.succeeded and not j.repeated)
),
changed as (
  update deliveries d set
    status = coalesce(p.new_status, d.status),
    lease_until = case when p.held then null else d.lease_until end,
    steps_used = d.steps_used + ((p.new_status = 'retrying' and p.uses_step) is true)::int,
    generation = d.generation + ((p.new_status = 'retrying') is true)::int,
    last_stale = case when p.held then p.stale else d.last_stale end,
    parked = null,
    next_attempt_at = case p.new_status when 'retrying' then p.next_at else d.next_attempt_at end,
    due_at = case p.new_status when 'retrying' then
      p.next_at + case when p.delay_ms <= $17::float8 then ${interval('$18::float8')} else interval '0' end
      else d.due_at end,
    dead_reason = case p.new_status when 'dead' then p.dead_reason when 'delivered' then null else d.dead_reason end,
    first_delivered_at = case when p.succeeded then coalesce(d.first_delivered_at, now()) else d.first_delivered_at end,
    finished_at = case when p.new_status in ('dead', 'delivered') and d.status <> 'delivered' then now()
      else d.finished_at end
  from planned p
  where d.id = p.id
  returning d.id, d.status, d.next_attempt_at, d.generation
)`

const ANSWER = `
select j.id, coalesce(c.status, d.status) as status, not (j.held or j.repeated) as fenced,
  case when coalesce(c.status, d.status) in ('pending', 'retrying') and (j.held or j.repeated)
    then ${ms('coalesce(c.next_attempt_at, d.next_attempt_at)')} end as next_ms,
  coalesce(c.generation, d.generation) as generation,
  ${ms('now()')} as now_ms`

const OF_RESULTS = `
from judged j
join locked d on d.id = j.id
left join changed c on c.id = j.id`

/** Nothing but results. */
export const RECORD = `${RESULTS}${ANSWER}${OF_RESULTS}`

/*
 * $19: results that disable their webhook, in the same commit: a worker that died in between would leave it enabled, and
 * a reader would see the delivery end before. A result whose lease was lost disables nothing; the attempt that took its
 * place will. Locks are taken in one order, by everybody: deliveries, webhooks, tenants, each by id; the arrays read all of
 * one kind before the first of the next is locked.
 *
 * Of several deliveries of one webhook the first is told of the change, one version for each webhook.
 *
 * `died`: deliveries that this result ends, for the operational event.
 */
const ENDINGS = `,
gone as materialized (
  select j.id, d.webhook_id from judged j join locked d on d.id = j.id where j.held and j.id = any($19::text[])
),
leaving as materialized (
  select w.id, w.tenant, w.event_name, w.url from webhooks w
  where w.id = any(array(select webhook_id from gone)) and w.status = 'enabled' and w.deleted_at is null
  order by w.id for update
),
disabled as (
  update webhooks w set status = 'disabled', disabled_reason = 'gone', updated_at = now()
  from leaving l where w.id = l.id
),
routed as materialized (
  select t.id, t.routing_version from tenants t where t.id = any(array(select tenant from leaving))
  order by t.id for update
),
raised as (
  update tenants t set routing_version = r.routing_version + (select count(*) from leaving l where l.tenant = r.id)
  from routed r where t.id = r.id
),
rerouted as materialized (
  select (select min(g.id) from gone g where g.webhook_id = l.id) as result_id, l.tenant, l.event_name, l.url,
    (r.routing_version + row_number() over (partition by l.tenant order by l.id)) as version
  from leaving l join routed r on r.id = l.tenant
),
died as materialized (
  select d.id, d.tenant, d.message_id, d.webhook_id, d.event_name, p.dead_reason, d.attempt_count, p.code, p.status_code
  from planned p join locked d on d.id = p.id where p.new_status = 'dead'
),
noted as (${NOTE_DEAD})`

/** A batch in which a delivery dies; it may also disable webhooks. */
export const RECORD_ENDINGS = `${RESULTS}${ENDINGS}${ANSWER},
  exists (select from noted) as noted,
  case when x.result_id is not null then to_jsonb(x) end as rerouted${OF_RESULTS}
left join rerouted x on x.result_id = j.id`
