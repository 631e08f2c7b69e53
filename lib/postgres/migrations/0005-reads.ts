// What reading at a million deliveries needs: indexes for every filter of the lists, and the roll-up behind /stats.
// See docs/decisions/0012. No statement of the hot path is touched.

import { sql, type Kysely } from 'kysely'

const STATEMENTS = [
  // Every list is newest first, and ids sort by time. The status stands before the id, so that few dead deliveries among
  // a million delivered are found at once; a list of any status merges one short read per status. A result changes the
  // status, but it changes indexed columns anyway (finished_at, due_at): no update that was heap-only ceases to be.
  `drop index deliveries_by_tenant`,
  `drop index deliveries_by_webhook`,
  `create index deliveries_by_tenant on deliveries (tenant, status, id) include (created_at)`,
  `create index deliveries_by_webhook on deliveries (webhook_id, status, id) include (created_at)`,
  `create index deliveries_by_event on deliveries (tenant, event_name, status, id) include (created_at)`,
  `create index messages_by_event on messages (tenant, event_name, id) include (created_at)`,

  // Few rows: what died, by when.
  `create index deliveries_dead on deliveries (finished_at) where status = 'dead'`,
  // What ended in a window of time, for the roll-up. It grows at one end, and duplicates share an entry.
  `create index attempts_by_time on attempts (finished_at) where finished_at is not null`,

  // Counts per minute and per hour, filled by the sweep from what is older than two minutes. An empty webhook_id is the
  // sum of an event, an empty event_name that of the tenant.
  `create table stats_buckets (
    -- seconds: 60 or 3600
    step integer not null,
    at timestamptz not null,
    tenant text collate "C" not null,
    event_name text collate "C" not null,
    webhook_id text collate "C" not null,
    accepted integer not null,
    succeeded integer not null,
    failed integer not null,
    dead integer not null,
    -- attempts by receiver latency, in the buckets of domain/latency
    latency integer[] not null,
    -- a series is one range of it
    primary key (tenant, step, event_name, webhook_id, at)
  )`,
  // A series of one webhook, the webhooks of a window, and what is too old.
  `create index stats_buckets_by_webhook on stats_buckets (webhook_id, step, at) where webhook_id <> ''`,
  `create index stats_buckets_of_webhooks on stats_buckets (tenant, step, at) where webhook_id <> ''`,
  `create index stats_buckets_by_age on stats_buckets (step, at)`,

  // One row: everything before this is in stats_buckets. A log that was there already is rolled up from three days back.
  `create table stats_progress (
    id integer primary key check (id = 1),
    rolled_until timestamptz not null
  )`,
  `insert into stats_progress (id, rolled_until)
   select 1, date_trunc('hour', greatest(coalesce(min(created_at), now()), now() - interval '3 days'), 'UTC')
   from messages`,
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db)
}
