// Replays of many deliveries. Each batch is one transaction that takes the replay's row, begins the new series and moves
// the cursor, so that a process that is killed between two batches leaves nothing half done and nothing to be done twice.

import { sql, type Kysely } from 'kysely'
import type { BulkReplayStore, Replay, ReplayStep } from '../broker/ports.ts'
import { firstIdAt } from '../domain/ids.ts'
import { readStoredFilter, storedFilter, type ReplayFilter } from '../domain/replay-filter.ts'
import { translated, type Database } from './database.ts'
import type { BatchDone, ReplayRow } from './replay-batch.ts'
import {
  countMissed,
  findWebhook,
  missedAmongNewest,
  missedBatch,
  missedSince,
} from './replay-missed.ts'
import { countMatching, replayBatch } from './replay-matching.ts'
import type { Tables } from './schema.ts'

export type BulkReplaySettings = {
  /** How long the queue has before the sweep asks for a replayed delivery. */
  graceMs: number
  /** Deliveries a second, of one replay. */
  perSecond: number
}

const HOUR_MS = 3_600_000

/** Builds the store over a database. */
export const makeBulkReplayStore = (
  { kysely }: Database,
  settings: BulkReplaySettings,
): BulkReplayStore => ({
  missedNow: (tenant, webhookId, limit) =>
    translated(async () => {
      const webhook = await findWebhook(kysely, tenant, { webhookId })
      return webhook === undefined
        ? { messages: 0, capped: false }
        : missedAmongNewest(kysely, webhook, limit)
    }),
  count: (tenant, filter) => translated(() => count(kysely, tenant, filter)),
  create: (replay) => translated(() => create(kysely, replay)),
  find: (tenant, id) =>
    translated(async () => {
      const row = await kysely
        .selectFrom('replays')
        .selectAll()
        .where('id', '=', id)
        .where('tenant', '=', tenant)
        .executeTakeFirst()
      return row === undefined ? undefined : toReplay(row)
    }),
  step: (limit) =>
    translated(() => kysely.transaction().execute((tx) => step(tx, limit, settings))),
  running: () => translated(async () => (await nextTurn(kysely)) !== null),
})

const count = async (db: Kysely<Tables>, tenant: string, filter: ReplayFilter) => {
  if (filter.missed === undefined) return countMatching(db, tenant, filter)
  const webhook = await findWebhook(db, tenant, filter)
  return webhook === undefined ? undefined : countMissed(db, webhook, filter)
}

type NewReplay = Parameters<BulkReplayStore['create']>[0]

const create = async (db: Kysely<Tables>, { id, tenant, filter }: NewReplay) => {
  const total = await count(db, tenant, filter)
  if (total === undefined) return undefined
  const table = filter.missed === undefined ? 'deliveries' : 'messages'
  const prefix = filter.missed === undefined ? 'dlv' : 'msg'
  const from = filter.missed === undefined ? filter.from : await missedSince(db, filter)
  // Ids carry the time of the process that made them, rows that of the database: an hour apart is far too much.
  const lowest = firstIdAt(prefix, from === undefined ? 0 : from.getTime() - HOUR_MS)
  const highest =
    filter.to === undefined ? `${prefix}_~` : firstIdAt(prefix, filter.to.getTime() + HOUR_MS)
  const row = await db
    .insertInto('replays')
    .values({
      id,
      tenant,
      filter: JSON.stringify(storedFilter(filter)),
      cursor: lowest,
      until_id: sql<string>`least(${highest}, coalesce(
        (select max(id) from ${sql.table(table)} where tenant = ${tenant}), ${lowest}))`,
      total,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return toReplay(row)
}

const step = async (
  tx: Kysely<Tables>,
  limit: number,
  { graceMs, perSecond }: BulkReplaySettings,
): Promise<ReplayStep> => {
  const replay = await tx
    .selectFrom('replays')
    .selectAll()
    .where('status', '=', 'running')
    .where('next_batch_at', '<=', sql<Date>`now()`)
    .orderBy('next_batch_at')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst()
  if (replay === undefined) return { kind: 'idle', nextInMs: await nextTurn(tx) }
  const filter = readStoredFilter(replay.filter)
  const batch = { replay, filter, limit, graceMs }
  const done =
    filter.missed === undefined ? await replayBatch(tx, batch) : await missedBatch(tx, batch)
  await advance(tx, { replay, done, perSecond })
  const { deliveries, finished } = done
  return { kind: 'batch', replayId: replay.id, deliveries, finished }
}

type Advance = { replay: ReplayRow; done: BatchDone; perSecond: number }

const advance = async (tx: Kysely<Tables>, { replay, done, perSecond }: Advance) => {
  const pauseMs = (done.deliveries.length / perSecond) * 1_000
  await tx
    .updateTable('replays')
    .set((eb) => ({
      cursor: done.cursor,
      replayed: eb('replayed', '+', done.deliveries.length),
      skipped: eb('skipped', '+', done.skipped),
      next_batch_at: sql<Date>`now() + ${pauseMs}::float8 * interval '1 millisecond'`,
      ...(done.finished ? { status: 'finished', finished_at: sql<Date>`now()` } : {}),
    }))
    .where('id', '=', replay.id)
    .execute()
}

// One that is locked just now has its turn, too: it is asked about again a moment later.
const LOCKED_MS = 50

/** @returns milliseconds until some replay may take a batch, or null */
const nextTurn = async (db: Kysely<Tables>): Promise<number | null> => {
  const { rows } = await sql<{ next: number | null }>`
    select min(greatest(${LOCKED_MS}::float8, 1000 * extract(epoch from next_batch_at - now())))::float8 as next
    from replays where status = 'running'`.execute(db)
  return rows[0]?.next ?? null
}

const toReplay = (row: ReplayRow): Replay => ({
  id: row.id,
  filter: readStoredFilter(row.filter),
  status: row.status,
  total: row.total,
  replayed: row.replayed,
  skipped: row.skipped,
  createdAt: row.created_at,
  finishedAt: row.finished_at,
})
