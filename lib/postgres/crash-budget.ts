// Ends deliveries whose workers died too often, where a claim comes across them; the sweep does the same for those that it
// finds. Apart from the claim, which need not carry what is this rare.

import { CRASH_BUDGET } from '../domain/delivery.ts'
import type { Database } from './database.ts'
import { NOTE_DEAD } from './operational-events.ts'

const END = `
with locked as materialized (
  select d.* from deliveries d
  where d.id = any($1::text[]) and d.finished_at is null and d.lease_until <= now() and d.crash_count >= $2::int
  order by d.id for update skip locked
),
unknown as (
  insert into attempts (delivery_id, number, series, started_at, outcome)
  select id, attempt_count, series, claimed_at, 'unknown' from locked
  on conflict (delivery_id, number) do nothing
),
ended as (
  update deliveries d set status = 'dead', dead_reason = 'crash_budget', finished_at = now(),
    crash_count = d.crash_count + 1, claim_token = null, lease_until = null, probes = 0, parked = null, released = false
  from locked l where d.id = l.id
),
died as materialized (
  select id, tenant, message_id, webhook_id, event_name, 'crash_budget' as dead_reason, attempt_count,
    null::text as code, null::int as status_code
  from locked
),
noted as (${NOTE_DEAD})
select count(*) from noted`

/** Those that somebody else holds, or has gone on with, are left to them. @throws BrokerError */
export const endCrashed = async (database: Database, ids: readonly string[]): Promise<void> => {
  await database.query(END, [[...ids], CRASH_BUDGET])
}
