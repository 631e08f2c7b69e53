// How far the sweep has come in adding the log up. One row, written a few times an hour; the hot path does not know it.

import { sql, type Kysely } from 'kysely'

const STATEMENTS = [
  `create table audit_progress (
    id integer primary key check (id = 1),
    -- the characters of time that ids begin with: where the round goes on; null = at the oldest that is kept
    cursor text collate "C",
    next_at timestamptz not null
  )`,
  `insert into audit_progress (id, next_at) values (1, now())`,
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db)
}
