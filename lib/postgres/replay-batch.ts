// What one batch of a replay is given and what it did, and how far the cursor moves. It speaks no SQL.

import type { Selectable } from 'kysely'
import type { Ready } from '../broker/ports.ts'
import type { ReplayFilter } from '../domain/replay-filter.ts'
import type { Tables } from './schema.ts'

export type ReplayRow = Selectable<Tables['replays']>

export type Batch = {
  /** Locked by this transaction. */
  replay: ReplayRow
  filter: ReplayFilter
  limit: number
  /** How long the queue has before the sweep asks for a replayed delivery. */
  graceMs: number
}

/** `cursor`: up to where it looked. */
export type BatchDone = {
  deliveries: Ready[]
  skipped: number
  cursor: string
  finished: boolean
}

/** Rows that one batch looks at, however few of them match, so that each transaction is short. */
export const WINDOW = 10_000

export type Looked = {
  looked: number
  last_looked: string | null
  matched: number
  last_matched: string | null
}

/** A full batch ends at its last row; otherwise everything in the window has been looked at. */
export const progress = (
  row: Looked | undefined,
  { limit, replay }: Batch,
): Pick<BatchDone, 'cursor' | 'finished'> => {
  if (row !== undefined && row.matched >= limit && row.last_matched !== null) {
    return { cursor: row.last_matched, finished: false }
  }
  if (row === undefined || row.looked < WINDOW || row.last_looked === null) {
    return { cursor: replay.until_id, finished: true }
  }
  return { cursor: row.last_looked, finished: false }
}
