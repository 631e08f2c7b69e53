// What a worker commits at full load, in one statement: claims of deliveries that nothing is in the way of, and successes
// of attempts that still hold their claim. For fewer statements and commits, not for less work: together they take the time of
// Postgres that they take one after the other (`npm run bench:statements`). Whatever is missing in the answer is left as it was, for the
// whole forms (claim-sql.ts, record-sql.ts) to judge.

import { BY_ID, DECIDED, JUDGED, LEASE_END } from './claim-sql.ts'
import { ms } from './sql.ts'

// No lease behind it: nothing is parked, and no attempt to be written as `unknown`.
const CLAIMED = `
claimed as (
  update deliveries d set attempt_count = d.attempt_count + 1, probes = 0, parked = null, released = false,
    claim_token = j.token, claimed_at = now(), lease_until = ${LEASE_END}
  from decided j
  where d.id = j.id and j.decision = 'claimed' and not j.expired
  returning d.id, j.token, d.claimed_at, d.lease_until, d.attempt_count, d.series, d.steps_used, d.last_stale, j.timeout_ms,
    d.tenant, d.message_id, d.webhook_id, d.event_name, j.url, j.headers, j.secret, j.previous_secret, j.probe, j.released,
    j.opens, j.failing_since
)`

const claimedColumns = (id: string, verdict: string) => `
select ${id} as id, ${verdict} as verdict, c.token,
  ${ms('c.claimed_at')} as claimed_ms, ${ms('c.lease_until')} as lease_ms, ${ms('m.created_at')} as created_ms,
  c.attempt_count as number, c.series, c.steps_used, c.last_stale, c.timeout_ms,
  c.tenant, c.message_id, c.webhook_id, c.event_name, c.url, c.headers, c.secret, c.previous_secret,
  c.probe, c.released, coalesce(c.opens, 0) as opens,
  ${ms('now()')} - ${ms('c.failing_since')} as failing_for_ms,
  m.content_type, m.payload, m.traceparent`

const OF_CLAIMED = `
from claimed c join messages m on m.id = c.message_id`

/** What is sent of each success: a column of `record.ts` and its type. Their order is that of the parameters. */
export const SUCCESS = {
  id: 'text',
  token: 'text',
  number: 'int',
  series: 'int',
  claimedMs: 'float8',
  durationMs: 'float8',
  statusCode: 'int',
  responseHeaders: 'text',
  responseBody: 'bytea',
  detail: 'text',
} as const

/*
 * No attempt of that number can be in the log already: whoever writes it `unknown` ends the claim in the same commit.
 * Never waited for, as little as a claim is: the whole form waits, and for nothing else.
 */
const recorded = (from: number) => `
results as materialized (
  select * from unnest(${Object.values(SUCCESS)
    .map((type, index) => `(select $${from + index}::${type}[])`)
    .join(', ')})
  as r(id, token, number, series, claimed_ms, duration_ms, status_code, response_headers, response_body, detail)
),
owned as materialized (
  select d.id, d.claim_token, d.attempt_count, d.lease_until, d.series, d.finished_at
  from deliveries d where d.id in (select id from results) order by d.id for update skip locked
),
held as materialized (
  select r.* from results r join owned d on d.id = r.id
  where d.claim_token = r.token and d.attempt_count = r.number and d.lease_until is not null
    and d.series = r.series and d.finished_at is null
),
logged as (
  insert into attempts (delivery_id, number, series, started_at, finished_at, duration_ms, outcome, code, status_code,
    response_headers, response_body, detail)
  select id, number, series, to_timestamp(claimed_ms / 1000), now(), duration_ms, 'succeeded', 'http_status', status_code,
    response_headers::jsonb, response_body, detail
  from held
),
recorded as (
  update deliveries d set status = 'delivered', lease_until = null, last_stale = false, parked = null, dead_reason = null,
    first_delivered_at = coalesce(d.first_delivered_at, now()), finished_at = now()
  from held h where d.id = h.id
  returning d.id, d.generation
)`

const CLAIM_PARTS = `${BY_ID}, ${JUDGED}, ${DECIDED}, ${CLAIMED}`
/** How many parameters a claim has (see claim-sql.ts); those of the results follow. */
const CLAIM_PARAMETERS = 12

const RECORDED_COLUMNS = `r.generation, ${ms('now()')} as now_ms`

export const CLAIMS = `with ${CLAIM_PARTS} ${claimedColumns('c.id', "'claimed'")} ${OF_CLAIMED}`
export const RESULTS = `with ${recorded(1)}
select r.id, 'recorded' as verdict, ${RECORDED_COLUMNS} from recorded r`
/** A row for each of both: no delivery is in both. */
export const CLAIMS_AND_RESULTS = `with ${CLAIM_PARTS}, ${recorded(CLAIM_PARAMETERS + 1)}
${claimedColumns('coalesce(c.id, r.id)', "case when r.id is null then 'claimed' else 'recorded' end")}, ${RECORDED_COLUMNS}
${OF_CLAIMED} full join recorded r on r.id = c.id`
