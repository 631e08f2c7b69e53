// Replays of many deliveries, and the times at which webhooks were disabled. A trigger notes these, so that no statement,
// whoever writes it, can disable a webhook without its trace: docs/decisions/0013.

import { sql, type Kysely } from 'kysely'

const REPLAYS = [
  // A replay goes up through ids, from `cursor` to `until_id`, in transactions that also move the cursor.
  `create table replays (
    id text collate "C" primary key,
    tenant text collate "C" not null,
    filter jsonb not null,
    status text not null default 'running' check (status in ('running', 'finished')),
    -- ids of deliveries; of messages where the filter asks for what was missed
    cursor text collate "C" not null,
    until_id text collate "C" not null,
    -- what the filter matched when it was asked for
    total integer not null,
    replayed integer not null default 0,
    skipped integer not null default 0,
    -- the rate: no batch before this
    next_batch_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    finished_at timestamptz
  )`,
  `create index replays_running on replays (next_batch_at) where status = 'running'`,
  `create index replays_finished on replays (finished_at) where status = 'finished'`,
]

const PAUSES = [
  `create table webhook_pauses (
    webhook_id text collate "C" not null,
    began_at timestamptz not null default now(),
    -- null: it is disabled now
    ended_at timestamptz,
    primary key (webhook_id, began_at)
  )`,
  `create index webhook_pauses_ended on webhook_pauses (ended_at)`,
  `insert into webhook_pauses (webhook_id, began_at)
    select id, updated_at from webhooks where status = 'disabled' and deleted_at is null`,
]

const TRIGGERS = [
  `create function note_pause() returns trigger
    language plpgsql set search_path from current as $body$
    begin
      if new.status = 'enabled' then
        update webhook_pauses set ended_at = now() where webhook_id = new.id and ended_at is null;
        return null;
      end if;
      insert into webhook_pauses (webhook_id) values (new.id)
        on conflict (webhook_id, began_at) do update set ended_at = null;
      return null;
    end $body$`,
  `create trigger webhooks_note_pause after update of status on webhooks for each row
    when (new.status <> old.status) execute function note_pause()`,
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const statement of [...REPLAYS, ...PAUSES, ...TRIGGERS]) {
    await sql.raw(statement).execute(db)
  }
}
