// What keeps a bad receiver from slowing the others: one row for each webhook that is not well, and deliveries that wait
// for their webhook in Postgres alone. No statement here reads or rewrites the rows that are there.

import { sql, type Kysely } from 'kysely'

const STATEMENTS = [
  // Only webhooks that fail, or have more waiting than they may have under way. A healthy one has no row.
  `create table webhook_health (
    webhook_id text collate "C" primary key,
    -- open: nothing is sent but the probe. ramping: what waits is let go by the deliveries that end. closed: neither
    state text not null check (state in ('closed', 'open', 'ramping')),
    -- when the probe may be sent
    open_until timestamptz,
    -- how often it has opened since the last success
    opens integer not null default 0,
    -- the one delivery that may be attempted while it is open; null: the next one to come up
    probe_id text collate "C",
    -- since when there has been no success
    failing_since timestamptz,
    -- deliveries that were let go and have not ended
    released integer not null default 0,
    changed_at timestamptz not null default now()
  )`,
  // Let go after it was parked; the claim takes the mark, so that each is counted once.
  `alter table deliveries add column released boolean not null default false`,
  // capped: waits until attempts of its own webhook end
  `alter table deliveries drop constraint deliveries_parked_check`,
  `alter table deliveries add constraint deliveries_parked_check
    check (parked in ('breaker_open', 'rate_limited', 'webhook_disabled', 'capped')) not valid`,
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db)
}
