// A delivery counts how often it was handed to a dispatcher with a memory (QStash), so that no hand-over is taken for an
// older one. A constant default: the table is not rewritten, however many rows it holds.

import { sql, type Kysely } from 'kysely'

const STATEMENTS = [
  // Raised by the statement that decides on a hand-over; the first one, at the accept, is 0.
  `alter table deliveries add column generation integer not null default 0`,
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db)
}
