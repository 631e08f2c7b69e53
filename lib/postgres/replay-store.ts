// What a person may do to one delivery: send it again from the start of the schedule, or stop it.

import type { ReplayStore } from '../broker/ports.ts'
import { translated, type Database } from './database.ts'
import { interval } from './sql.ts'

/** What a new series begins with, beside the time when the sweep asks for it. */
export const NEW_SERIES = `
    series = d.series + 1, status = 'pending', steps_used = 0, crash_count = 0, probes = 0, last_stale = false,
    parked = null, dead_reason = null, finished_at = null, claim_token = null, lease_until = null,
    generation = d.generation + 1, next_attempt_at = now()`

// A new series with the whole schedule before it. Attempt numbers go on, and the first success stays on record. A worker
// that still holds the old claim has lost it: what it reports is written as an attempt and changes no status. An attempt
// whose worker died is written as unknown first.
const REPLAY = `
with asked as materialized (
  select d.*, d.lease_until > now() as flying from deliveries d
  where d.id = $1::text and d.tenant = $2::text for update
),
unknown as (
  insert into attempts (delivery_id, number, series, started_at, outcome)
  select id, attempt_count, series, claimed_at, 'unknown' from asked where lease_until <= now()
  on conflict (delivery_id, number) do nothing
),
changed as (
  update deliveries d set ${NEW_SERIES}, due_at = now() + ${interval('$3::float8')}
  from asked a where d.id = a.id and a.flying is not true
)
select coalesce(flying, false) as flying, generation + 1 as generation from asked`

// Refuses further claims. The token stays, so an attempt on the wire ends and is recorded.
const CANCEL = `
with asked as materialized (
  select d.id, d.finished_at from deliveries d where d.id = $1::text and d.tenant = $2::text for update
),
changed as (
  update deliveries d set status = 'cancelled', finished_at = now(), parked = null
  from asked a where d.id = a.id and a.finished_at is null
)
select finished_at is not null as ended from asked`

type ReplayRow = { flying: boolean; generation: number }

/** @param graceMs how long the queue has before the sweep asks for a replayed delivery */
export const makeReplayStore = (database: Database, graceMs: number): ReplayStore => ({
  replay: (tenant, id) =>
    translated(async () => {
      const [row] = await database.query<ReplayRow>(REPLAY, [id, tenant, graceMs])
      if (row === undefined) return { kind: 'not_found' }
      if (row.flying) return { kind: 'in_flight' }
      return { kind: 'replayed', generation: row.generation }
    }),
  cancel: (tenant, id) =>
    translated(async () => {
      const [row] = await database.query<{ ended: boolean }>(CANCEL, [id, tenant])
      return row === undefined ? 'not_found' : row.ended ? 'ended' : 'cancelled'
    }),
})
