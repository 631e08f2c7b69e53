// The text of the claim. What it decides is listed at `JUDGED` and `DECIDED`; lib/postgres/claim.ts sends it. The usual one, which
// claims and nothing else, is in turn-sql.ts.

import { interval, ms } from './sql.ts'

/*
 * Parameters: $1 timeout, $2 margin, $3 crash budget, $4-$9 what this process may take (see AdmissionView),
 * $10 delivery ids or tokens, $11 tokens, $12 who has a turn; last of all the grace, which only the whole form needs.
 */
export const LEASE_END = `now() + ${interval('(j.timeout_ms + $2::int)')}`

// The arrays through sub-selects: the planner then knows as little of their lengths when it plans for the values at hand as
// for any values, finds the latter no worse, and the plan is kept. Else a batch of one is planned each time (1.3 ms).
export const BY_ID = `
asked as materialized (
  select a.id, a.token, a.has_turn
  from unnest((select $10::text[]), (select $11::text[]), (select $12::boolean[])) as a(id, token, has_turn)
)`

// The direct dispatcher: whatever is due, oldest first, one token for each. What is parked is due at no time.
const BY_DUE_TIME = `
picked as materialized (
  select d.id from deliveries d
  where d.finished_at is null and d.next_attempt_at <= now()
    and (d.lease_until is null or d.lease_until <= now())
  order by d.next_attempt_at
  limit coalesce(array_length($10::text[], 1), 0)
  for update skip locked
),
asked as materialized (
  select p.id, ($10::text[])[row_number() over (order by p.id)] as token, false as has_turn from picked p
)`

/*
 * Verdicts, in the order in which they are tried. `repeated`: the same token again after a lost connection, the same
 * claim. An expired lease is written as an `unknown` attempt before the next one is claimed. Past the crash budget nothing is
 * changed here: crash-budget.ts ends the delivery. A webhook that is gone ends its deliveries here; a disabled one parks them.
 *
 * While the breaker is open only its probe is claimed. Where none has been named, the first to come up is `proposed`: it
 * becomes the probe, to be claimed when the time has come and it is still the one that the row names, so that two
 * workers never send two. While a backlog is let go, whoever was not let go stands in line.
 */
export const JUDGED = `
locked as materialized (
  select d.* from deliveries d where d.id in (select id from asked) order by d.id for update skip locked
),
judged as (
  select d.*, a.token, a.has_turn,
    coalesce(w.timeout_ms, $1::int) as timeout_ms,
    w.url, w.headers, w.secret, w.max_in_flight, w.rate_limit,
    case when w.previous_secret_until > now() then w.previous_secret end as previous_secret,
    (d.lease_until <= now()) is true as expired,
    h.state as health, h.open_until, h.opens, h.failing_since,
    (h.state = 'open' and h.probe_id = d.id) is true as probe,
    case
      when d.finished_at is not null then 'finished'
      when d.claim_token = a.token and d.lease_until > now() then 'repeated'
      when d.lease_until > now() then 'leased'
      when w.deleted_at is not null then 'deleted'
      when d.lease_until is not null and d.crash_count >= $3::int then 'crashed_out'
      when w.status = 'disabled' then 'disabled'
      when d.next_attempt_at > now() then 'not_due'
      when h.state = 'open' and h.probe_id is null then 'proposed'
      when h.state = 'open' and h.probe_id <> d.id then 'broken'
      when h.state = 'open' and h.open_until > now() then 'proposed'
      when h.state = 'ramping' and not d.released then 'capped'
      else 'claimed'
    end as verdict
  from locked d
  join asked a on a.id = d.id
  join webhooks w on w.id = d.webhook_id
  left join webhook_health h on h.webhook_id = d.webhook_id
)`

/*
 * Then the room: how much of its webhook this process may still take. Past it a delivery is `capped`: parked until
 * attempts of its webhook end. `held`: nothing of the webhook is under way here whose end could bring others back, so
 * the first one does not park but comes again in a moment. `busy`: nothing is known to be wrong, come again in a moment.
 * Last, `needs_turn`: nothing is changed, it comes again with the turn that the rate limit gives it.
 */
export const DECIDED = `
admitted as materialized (
  select * from unnest((select $4::text[]), (select $5::int[]), (select $6::int[]), (select $7::boolean[]),
    (select $8::boolean[])) as l(webhook_id, in_flight, room, parks, slow)
),
ranked as (
  select j.*, coalesce(l.in_flight, 0) as here, coalesce(l.slow, false) as slow,
    coalesce(l.parks, false) or j.max_in_flight is not null as parks,
    least(coalesce(l.room, ($9::int[])[1]), j.max_in_flight - coalesce(l.in_flight, 0)) as room,
    row_number() over (partition by j.webhook_id, j.verdict, j.released order by j.id) as place
  from judged j left join admitted l on l.webhook_id = j.webhook_id
),
roomed as (
  select r.*,
    case
      when verdict = 'proposed' and not probe and place > 1 then 'broken'
      when verdict <> 'claimed' or probe then verdict
      when released then case when slow and place > ($9::int[])[2] then 'busy' else 'claimed' end
      when place <= room then 'claimed'
      when not parks then 'busy'
      when here = 0 and room <= 0 and place = 1 then 'held'
      else 'capped'
    end as fits
  from ranked r
),
turned as (
  select f.*,
    case when fits = 'claimed' and rate_limit is not null and not has_turn then 'needs_turn' else fits end as decision
  from roomed f
),
decided as materialized (
  select t.*,
    case decision
      when 'proposed' then greatest(open_until, now() + interval '20 milliseconds')
      when 'held' then now() + interval '1 second'
      when 'busy' then now() + case when released then interval '1 second' else interval '250 milliseconds' end
    end as again_at
  from turned t
)`

const CHANGING =
  "('claimed', 'deleted', 'disabled', 'proposed', 'broken', 'capped', 'held', 'busy')"

/*
 * For a claim, due_at stays as it is: it is never later than lease end + grace, the sweep moves it if it comes by
 * meanwhile, and a claim that changes no indexed column is a heap-only update.
 */
const change = (grace: string) => `
unknown as (
  insert into attempts (delivery_id, number, series, started_at, outcome)
  select id, attempt_count, series, claimed_at, 'unknown' from decided
  where expired and decision in ${CHANGING}
  on conflict (delivery_id, number) do nothing
),
changed as (
  update deliveries d set
    attempt_count = d.attempt_count + (j.decision = 'claimed')::int,
    crash_count = d.crash_count + j.expired::int,
    probes = 0,
    parked = case when j.decision = 'disabled' then 'webhook_disabled'
      when j.decision in ('proposed', 'broken') then 'breaker_open'
      when j.decision = 'capped' then 'capped' end,
    released = case j.decision when 'held' then true when 'busy' then d.released else false end,
    claim_token = case j.decision when 'claimed' then j.token end,
    claimed_at = case j.decision when 'claimed' then now() else d.claimed_at end,
    lease_until = case j.decision when 'claimed'
      then ${LEASE_END} end,
    next_attempt_at = case when j.decision in ('disabled', 'broken', 'capped') then 'infinity'
      when j.decision in ('proposed', 'held', 'busy') then j.again_at
      else d.next_attempt_at end,
    due_at = case when j.decision in ('disabled', 'broken', 'capped') then now() + interval '1 hour'
      when j.decision in ('proposed', 'held', 'busy') then j.again_at + ${interval(`${grace}::float8`)}
      else d.due_at end,
    status = case j.decision when 'deleted' then 'cancelled' else d.status end,
    finished_at = case j.decision when 'deleted' then now() end
  from decided j
  where d.id = j.id and j.decision in ${CHANGING}
),
backlog as (
  insert into webhook_health as h (webhook_id, state, released)
  select webhook_id, 'ramping', max(here) + count(*) filter (where decision in ('claimed', 'held'))
  from decided where health is distinct from 'open' and health is distinct from 'ramping'
  group by webhook_id having bool_or(decision in ('capped', 'held'))
  order by webhook_id
  on conflict (webhook_id) do update set state = 'ramping', released = excluded.released, changed_at = now()
  where h.state = 'closed'
),
named as (
  update webhook_health h set probe_id = n.id
  from (
    select f.webhook_id, j.id from webhook_health f join decided j on j.webhook_id = f.webhook_id
    where j.decision = 'proposed' and f.state = 'open' and f.probe_id is null
    order by f.webhook_id for update of f
  ) n
  where h.webhook_id = n.webhook_id and h.probe_id is null
)`

const ANSWER = `
select
  a.id, a.token,
  coalesce(j.decision, case when exists (select from deliveries d where d.id = a.id) then 'locked' else 'gone' end)
    as verdict,
  ${ms('now()')} as now_ms,
  ${ms("case j.decision when 'claimed' then now() else j.claimed_at end")} as claimed_ms,
  ${ms(`case j.decision when 'claimed' then ${LEASE_END} else j.lease_until end`)} as lease_ms,
  ${ms('coalesce(j.again_at, j.next_attempt_at)')} as next_ms,
  ${ms('m.created_at')} as created_ms,
  j.attempt_count + (j.decision = 'claimed')::int as number,
  j.series, j.steps_used, j.last_stale, j.parked, j.timeout_ms,
  j.tenant, j.message_id, j.webhook_id, j.event_name, j.url, j.headers, j.secret, j.previous_secret,
  j.rate_limit, j.probe, j.released, j.health is distinct from 'ramping' as began, coalesce(j.opens, 0) as opens, ${ms('now()')} - ${ms('j.failing_since')} as failing_for_ms,
  m.content_type, m.payload, m.traceparent
from asked a
left join decided j on j.id = a.id
left join messages m on m.id = j.message_id and j.decision in ('claimed', 'repeated')`

const claimStatement = (asked: string, grace: string) => `
with ${asked}, ${JUDGED}, ${DECIDED}, ${change(grace)}
${ANSWER}`

export const CLAIM_BY_ID = claimStatement(BY_ID, '$13')
export const CLAIM_DUE = claimStatement(BY_DUE_TIME, '$11')
