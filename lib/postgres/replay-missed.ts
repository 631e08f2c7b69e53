// What a webhook missed while it was disabled: messages of its event without a delivery to it. Replaying them makes the
// deliveries, and raises what each message says of their number in the same transaction (the audit compares).

import { sql, type Kysely, type Selectable } from 'kysely'
import type { Missed } from '../broker/ports.ts'
import { firstIdAt } from '../domain/ids.ts'
import type { ReplayFilter } from '../domain/replay-filter.ts'
import { progress, WINDOW, type Batch, type BatchDone, type Looked } from './replay-batch.ts'
import type { Tables } from './schema.ts'

type Webhook = Pick<
  Selectable<Tables['webhooks']>,
  'id' | 'tenant' | 'event_name' | 'created_at' | 'deleted_at'
>

/** The living webhook that a filter names. */
export const findWebhook = (
  db: Kysely<Tables>,
  tenant: string,
  { webhookId = '' }: ReplayFilter,
): Promise<Webhook | undefined> =>
  db
    .selectFrom('webhooks')
    .select(['id', 'tenant', 'event_name', 'created_at', 'deleted_at'])
    .where('id', '=', webhookId)
    .where('tenant', '=', tenant)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()

/** From when on it can have missed something; in the future when it was never disabled. */
export const missedSince = async (
  db: Kysely<Tables>,
  { webhookId = '', from }: ReplayFilter,
): Promise<Date> => {
  const { rows } = await sql<{ since: Date }>`
    select greatest(coalesce(min(began_at), now()), ${from ?? null}::timestamptz) as since
    from webhook_pauses where webhook_id = ${webhookId}`.execute(db)
  return rows[0]?.since ?? new Date()
}

// Derived as in accept.ts, so that a message has one delivery to a webhook, whoever makes it.
const DELIVERY_ID = (webhookId: string) =>
  sql<string>`'dlv_' || substr(m.id, 5, 10) ||
    left(encode(sha256(convert_to(m.id || ${webhookId}, 'UTF8')), 'hex'), 16)`

/*
 * A trigger that was under way when the webhook changed may be dated a moment outside of the pause; what it did deliver
 * has a delivery, and so is not counted however wide the margin is.
 */
const isMissed = (webhook: Webhook, { from, to }: ReplayFilter) => sql<boolean>`
  m.event_name = ${webhook.event_name}
  and m.created_at >= ${webhook.created_at}
  and (${from ?? null}::timestamptz is null or m.created_at >= ${from ?? null}::timestamptz)
  and (${to ?? null}::timestamptz is null or m.created_at < ${to ?? null}::timestamptz)
  and exists (
    select from webhook_pauses p where p.webhook_id = ${webhook.id}
      and m.created_at >= p.began_at - interval '10 seconds'
      and (p.ended_at is null or m.created_at <= p.ended_at + interval '10 seconds')
  )
  and not exists (select from deliveries d where d.id = ${DELIVERY_ID(webhook.id)})`

/** The sample event that somebody sent to another webhook of the same event is nobody else's (broker/manage-webhook). */
const isSample = ({ event_name }: Webhook) => {
  const start = `{"test":true,"eventName":"${event_name}","webhookId":"wh_`
  return sql<boolean>`substr(m.payload, 1, ${start.length}) = convert_to(${start}, 'UTF8')`
}

export const countMissed = async (
  db: Kysely<Tables>,
  webhook: Webhook,
  filter: ReplayFilter,
): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from messages m
    where m.tenant = ${webhook.tenant} and ${isMissed(webhook, filter)} and not ${isSample(webhook)}`.execute(
    db,
  )
  return rows[0]?.count ?? 0
}

// Ids carry the time of the process that made them, rows that of the database: an hour apart is far too much.
const HOUR_MS = 3_600_000

/** For the offer that is made when it is enabled: a bounded look, however much it missed. */
export const missedAmongNewest = async (
  db: Kysely<Tables>,
  webhook: Webhook,
  limit: number,
): Promise<Missed> => {
  const since = await missedSince(db, { webhookId: webhook.id })
  const { rows } = await sql<Missed>`
    with looked_at as materialized (
      select m.id, m.event_name, m.created_at from messages m
      where m.tenant = ${webhook.tenant} and m.event_name = ${webhook.event_name}
        and m.id >= ${firstIdAt('msg', since.getTime() - HOUR_MS)}
      order by m.id desc limit ${limit}
    ),
    missed as materialized (select m.id from looked_at m where ${isMissed(webhook, {})})
    select (select count(*)::int from missed join messages m using (id) where not ${isSample(webhook)}) as messages,
      (select count(*) from looked_at) >= ${limit} as capped`.execute(db)
  return rows[0] ?? { messages: 0, capped: false }
}

type Row = Looked & { ids: string[] | null }

/** Makes the next deliveries. A webhook that was removed meanwhile has missed nothing any more. */
export const missedBatch = async (tx: Kysely<Tables>, batch: Batch): Promise<BatchDone> => {
  const { replay, filter, limit, graceMs } = batch
  const webhook = await findWebhook(tx, replay.tenant, filter)
  if (webhook === undefined) {
    return { deliveries: [], skipped: 0, cursor: replay.until_id, finished: true }
  }
  const { rows } = await sql<Row>`
    with looked_at as materialized (
      select m.id, m.event_name, m.created_at from messages m
      where m.tenant = ${replay.tenant} and m.id > ${replay.cursor} and m.id <= ${replay.until_id}
      order by m.id limit ${WINDOW}
    ),
    matched as materialized (
      select m.id from looked_at m
      where m.created_at <= (select created_at from replays where id = ${replay.id}) and ${isMissed(webhook, filter)}
      order by m.id limit ${limit}
    ),
    locked as materialized (
      select m.id, m.created_at from messages m
      where m.id in (select id from matched) and not ${isSample(webhook)}
      order by m.id for update
    ),
    made as (
      insert into deliveries (id, tenant, message_id, webhook_id, event_name, next_attempt_at, due_at, created_at)
      select ${DELIVERY_ID(webhook.id)}, ${webhook.tenant}, m.id, ${webhook.id}, ${webhook.event_name},
        now(), now() + ${graceMs}::float8 * interval '1 millisecond', m.created_at
      from locked m order by 1
      on conflict (id) do nothing
      returning id, message_id
    ),
    counted as (update messages m set matched = m.matched + 1 from made where m.id = made.message_id)
    select (select array_agg(id order by id) from made) as ids,
      (select count(*)::int from looked_at) as looked, (select max(id) from looked_at) as last_looked,
      (select count(*)::int from matched) as matched, (select max(id) from matched) as last_matched`.execute(
    tx,
  )
  const row = rows[0]
  return {
    deliveries: (row?.ids ?? []).map((deliveryId) => ({ deliveryId, generation: 0 })),
    skipped: 0,
    ...progress(row, batch),
  }
}
