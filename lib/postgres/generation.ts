// The hand-over after a refused claim: a statement of its own, because only QStash needs it. The claim, which is on the
// hot path, stays as it is for everybody else.

import type { Database } from './database.ts'

// Compare and set: of two copies of one message only the first hands over anew, and a message that was overtaken by a
// newer hand-over does not.
const NEXT_GENERATION = `
update deliveries set generation = generation + 1
where id = $1::text and generation = $2::int and finished_at is null
returning generation`

/** @returns the generation of the hand-over that follows, or undefined when none is called for */
export const nextGeneration = async (
  database: Database,
  deliveryId: string,
  after: number,
): Promise<number | undefined> => {
  const [row] = await database.query<{ generation: number }>(NEXT_GENERATION, [deliveryId, after])
  return row?.generation
}
