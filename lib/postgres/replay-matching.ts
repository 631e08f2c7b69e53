// The deliveries that a filter matches, and a new series for a batch of them.

import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { Ready } from '../broker/ports.ts'
import type { ReplayFilter } from '../domain/replay-filter.ts'
import { progress, WINDOW, type Batch, type BatchDone, type Looked } from './replay-batch.ts'
import { NEW_SERIES } from './replay-store.ts'
import type { Tables } from './schema.ts'

type Condition = RawBuilder<boolean>

const all = (conditions: readonly Condition[]): RawBuilder<unknown> =>
  conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `)

/** What an index can answer: these bound the window. */
const bounds = (tenant: string, filter: ReplayFilter): Condition[] => {
  const conditions: Condition[] = [sql`d.tenant = ${tenant}`]
  if (filter.webhookId !== undefined) conditions.push(sql`d.webhook_id = ${filter.webhookId}`)
  if (filter.ids !== undefined) conditions.push(sql`d.id = any(${filter.ids}::text[])`)
  if (filter.messageId !== undefined) {
    // The deliveries of a message share the time in their ids.
    const time = `dlv_${filter.messageId.slice(4, 14)}`
    conditions.push(sql`d.id >= ${time} and d.id < ${`${time}~`}`)
  }
  return conditions
}

/** What is looked at row by row. */
const rest = (filter: ReplayFilter): Condition[] => {
  const conditions: Condition[] = []
  if (filter.status !== undefined) conditions.push(sql`d.status = ${filter.status}`)
  if (filter.eventName !== undefined) conditions.push(sql`d.event_name = ${filter.eventName}`)
  if (filter.messageId !== undefined) conditions.push(sql`d.message_id = ${filter.messageId}`)
  if (filter.from !== undefined) conditions.push(sql`d.created_at >= ${filter.from}`)
  if (filter.to !== undefined) conditions.push(sql`d.created_at < ${filter.to}`)
  return conditions
}

export const countMatching = async (
  db: Kysely<Tables>,
  tenant: string,
  filter: ReplayFilter,
): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from deliveries d
    where ${all([...bounds(tenant, filter), ...rest(filter)])}`.execute(db)
  return rows[0]?.count ?? 0
}

type Row = Looked & { deliveries: Ready[] | null; skipped: number }

/**
 * Begins a new series for the next deliveries. One in flight is left alone, and so is one whose webhook is removed: it
 * would only be cancelled. What a row looks like counts once it is locked: it may have been replayed by hand meanwhile.
 */
export const replayBatch = async (tx: Kysely<Tables>, batch: Batch): Promise<BatchDone> => {
  const { replay, filter, limit, graceMs } = batch
  const before = sql<boolean>`d.created_at <= (select created_at from replays where id = ${replay.id})`
  const { rows } = await sql<Row>`
    with looked_at as materialized (
      select d.id, d.status, d.event_name, d.message_id, d.created_at from deliveries d
      where ${all(bounds(replay.tenant, filter))} and d.id > ${replay.cursor} and d.id <= ${replay.until_id}
      order by d.id limit ${WINDOW}
    ),
    matched as materialized (
      select d.id from looked_at d
      where ${all([...rest(filter), before])}
      order by d.id limit ${limit}
    ),
    locked as materialized (
      select d.*, (d.lease_until > now()) is true or w.deleted_at is not null as skipped
      from deliveries d join webhooks w on w.id = d.webhook_id
      where d.id in (select id from matched) and ${all(rest(filter))}
      order by d.id for update of d
    ),
    unknown as (
      insert into attempts (delivery_id, number, series, started_at, outcome)
      select id, attempt_count, series, claimed_at, 'unknown' from locked
      where lease_until <= now() and not skipped
      on conflict (delivery_id, number) do nothing
    ),
    changed as (
      update deliveries d set ${sql.raw(NEW_SERIES)}, due_at = now() + ${graceMs}::float8 * interval '1 millisecond'
      from locked l where d.id = l.id and not l.skipped
      returning d.id, d.generation
    )
    select (select json_agg(json_build_object('deliveryId', id, 'generation', generation) order by id) from changed)
        as deliveries,
      (select count(*)::int from looked_at) as looked, (select max(id) from looked_at) as last_looked,
      (select count(*)::int from matched) as matched, (select max(id) from matched) as last_matched,
      (select count(*)::int from locked where skipped) as skipped`.execute(tx)
  const row = rows[0]
  return {
    deliveries: row?.deliveries ?? [],
    skipped: row?.skipped ?? 0,
    ...progress(row, batch),
  }
}
