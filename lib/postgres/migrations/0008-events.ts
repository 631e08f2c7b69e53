// Operational events that are noted and not yet published: an outbox, written by the transaction that made each of them
// true. Triggers write it where webhooks change, which is rare; what is hot writes it only when a delivery dies:
// docs/decisions/0018.

import { sql, type Kysely } from 'kysely'

const STATEMENTS = [
  // As short as what waits to be published: a published event is a message, and its row is gone.
  `create table operational_events (
    -- the message's id is derived from it, so that publishing twice makes one message
    id uuid primary key default gen_random_uuid(),
    tenant text collate "C" not null,
    event_name text collate "C" not null,
    data jsonb not null,
    created_at timestamptz not null default now(),
    -- no publisher takes it before this
    next_at timestamptz not null default now()
  )`,
  `create index operational_events_next on operational_events (next_at)`,

  // Nobody registered, nothing noted.
  `create function note_operational_event(text, text, jsonb) returns void
    language sql set search_path from current as $body$
      insert into operational_events (tenant, event_name, data)
      select $1, $2, $3 where exists (
        select from webhooks
        where tenant = $1 and event_name = $2 and status = 'enabled' and deleted_at is null)
    $body$`,

  // Never about webhooks that are registered for operational events themselves: no event leads to another.
  `create function note_disabled() returns trigger
    language plpgsql set search_path from current as $body$
    begin
      if not starts_with(new.event_name, 'broker.') then
        perform note_operational_event(new.tenant, 'broker.webhook.disabled', jsonb_build_object(
          'webhookId', new.id, 'eventName', new.event_name, 'webhookUrl', new.url,
          'reason', coalesce(new.disabled_reason, 'manual')));
      end if;
      return null;
    end $body$`,
  `create trigger webhooks_note_disabled after update of status on webhooks for each row
    when (new.status = 'disabled' and old.status = 'enabled') execute function note_disabled()`,

  `create function note_health() returns trigger
    language plpgsql set search_path from current as $body$
    declare about webhooks;
    begin
      select * into about from webhooks where id = new.webhook_id and not starts_with(event_name, 'broker.');
      if found then
        perform note_operational_event(about.tenant,
          case new.state when 'open' then 'broker.webhook.failing' else 'broker.webhook.recovered' end,
          jsonb_build_object('webhookId', about.id, 'eventName', about.event_name, 'webhookUrl', about.url,
            'failingSinceMs', floor(1000 * extract(epoch from
              case new.state when 'open' then new.failing_since else old.failing_since end))));
      end if;
      return null;
    end $body$`,
  `create trigger webhook_health_note_new after insert on webhook_health for each row
    when (new.state = 'open') execute function note_health()`,
  // From open to ramping is the success of a probe. From open to closed is a person who enabled the webhook.
  `create trigger webhook_health_note_change after update of state on webhook_health for each row
    when (new.state = 'open' and old.state <> 'open' or new.state = 'ramping' and old.state = 'open')
    execute function note_health()`,
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db)
}
