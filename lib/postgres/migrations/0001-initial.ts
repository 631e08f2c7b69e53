// The first schema. There are no foreign keys between messages, deliveries and attempts: each would be a look-up per
// row on the hot path, and all rows are written by statements that keep them together.

import { sql, type Kysely } from 'kysely'

const STATEMENTS = [
  // One row per tenant. routing_version rises with every change of an enabled (event, URL) pair; the routing table in
  // Redis is believed only while it holds the same number.
  `create table tenants (
    id text collate "C" primary key,
    routing_version bigint not null default 0
  )`,

  `create table webhooks (
    id text collate "C" primary key,
    tenant text collate "C" not null,
    event_name text collate "C" not null,
    url text collate "C" not null,
    status text not null default 'enabled' check (status in ('enabled', 'disabled')),
    disabled_reason text check (disabled_reason in ('manual', 'gone', 'failing')),
    description text,
    headers jsonb not null default '{}',
    timeout_ms integer,
    rate_limit jsonb,
    max_in_flight integer,
    -- sealed (see domain/secret-box); the one before a rotation also signs until the time beside it
    secret text not null,
    previous_secret text,
    previous_secret_until timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
  )`,
  // Registering the same URL twice is one webhook; a removed one makes room. Also the look-up of a trigger.
  `create unique index webhooks_by_route on webhooks (tenant, event_name, url) where deleted_at is null`,
  // Lists are oldest first.
  `create index webhooks_by_age on webhooks (tenant, created_at, id) where deleted_at is null`,

  `create table messages (
    id text collate "C" primary key,
    tenant text collate "C" not null,
    event_name text collate "C" not null,
    content_type text not null,
    -- bytes, never jsonb: a payload with \\u0000 is legal JSON that jsonb refuses (O-BODY-5)
    payload bytea not null,
    -- how many deliveries were made with it; the audit compares
    matched integer not null,
    traceparent text,
    created_at timestamptz not null default now()
  )`,
  // Payloads are read back whole and soon: compressing them costs more than it saves.
  `alter table messages alter column payload set storage external`,
  `create index messages_by_tenant on messages (tenant, id)`,

  `create table idempotency_keys (
    tenant text collate "C" not null,
    key text collate "C" not null,
    -- the first answer, repeated for 24 hours
    message_id text collate "C" not null,
    event_name text collate "C" not null,
    payload_hash bytea not null,
    matched integer not null,
    expires_at timestamptz not null,
    primary key (tenant, key)
  )`,
  `create index idempotency_keys_by_expiry on idempotency_keys (expires_at)`,

  `create table deliveries (
    -- begins with the time of its message, so the deliveries of a message lie together in the primary key
    id text collate "C" primary key,
    tenant text collate "C" not null,
    message_id text collate "C" not null,
    webhook_id text collate "C" not null,
    event_name text collate "C" not null,
    status text not null default 'pending'
      check (status in ('pending', 'retrying', 'delivered', 'dead', 'cancelled')),
    -- set while it waits in Postgres alone, for something other than time
    parked text check (parked in ('breaker_open', 'rate_limited', 'webhook_disabled')),
    dead_reason text,
    -- each replay begins a new series with a new schedule
    series smallint not null default 1,
    -- claims so far = number of the newest attempt
    attempt_count integer not null default 0,
    -- steps of the schedule that this series has used
    steps_used smallint not null default 0,
    -- attempts whose outcome nobody recorded
    crash_count smallint not null default 0,
    -- how often the sweep has asked for it since its last attempt
    probes smallint not null default 0,
    -- the last attempt died on a keep-alive connection that the peer had closed
    last_stale boolean not null default false,
    -- the fence of the newest claim; kept after its result so that the result can be repeated
    claim_token text collate "C",
    claimed_at timestamptz,
    -- not null = an attempt is under way, or its worker died
    lease_until timestamptz,
    -- when it may be attempted
    next_attempt_at timestamptz not null,
    -- when the sweep asks for it
    due_at timestamptz not null,
    created_at timestamptz not null,
    first_delivered_at timestamptz,
    -- null = open
    finished_at timestamptz
  ) with (fillfactor = 70)`,
  // Only open rows: both stay as small as the backlog, however long the log grows.
  `create index deliveries_due on deliveries (due_at) where finished_at is null`,
  `create index deliveries_next on deliveries (next_attempt_at) where finished_at is null`,
  `create index deliveries_parked on deliveries (webhook_id, id) where parked is not null`,
  `create index deliveries_by_tenant on deliveries (tenant, id)`,
  `create index deliveries_by_webhook on deliveries (webhook_id, id)`,

  `create table attempts (
    delivery_id text collate "C" not null,
    number integer not null,
    series smallint not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    duration_ms integer,
    -- unknown: the worker was gone before it could say; the receiver may have got it
    outcome text not null check (outcome in ('succeeded', 'failed', 'unknown')),
    code text,
    status_code integer,
    response_headers jsonb,
    response_body bytea,
    detail text,
    primary key (delivery_id, number)
  )`,

  // One row: the counter that tells an emptied Redis, and the heartbeat of the sweep.
  `create table broker_state (
    id integer primary key check (id = 1),
    incarnation bigint not null default 0,
    last_sweep_at timestamptz
  )`,
  `insert into broker_state (id) values (1)`,
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db)
}
