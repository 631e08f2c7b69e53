// A delivery that waits for its turn: nobody has claimed it, so nothing but its times and the reason changes.

import type { Database } from './database.ts'
import { interval } from './sql.ts'

// It stands in the queue meanwhile, unless the turn is far away.
const POSTPONE = `
with asked as materialized (
  select a.id, now() + ${interval('a.delay_ms')} as turn_at,
    case when a.delay_ms <= $3::float8 then ${interval('$4::float8')} else interval '0' end as grace
  from unnest($1::text[], $2::float8[]) as a(id, delay_ms)
),
locked as materialized (
  select d.id, a.turn_at, a.grace from deliveries d join asked a on a.id = d.id
  where d.finished_at is null and (d.lease_until is null or d.lease_until <= now()) and d.next_attempt_at <= now()
  order by d.id for update of d
)
update deliveries d set parked = 'rate_limited', next_attempt_at = l.turn_at, due_at = l.turn_at + l.grace
from locked l where d.id = l.id`

export type Postponed = { deliveryId: string; delayMs: number }

/** @param settings see RecordSettings */
export const postponeBatch = async (
  database: Database,
  batch: readonly Postponed[],
  settings: { queueHorizonMs: number; graceMs: number },
): Promise<undefined[]> => {
  await database.query(POSTPONE, [
    batch.map(({ deliveryId }) => deliveryId),
    batch.map(({ delayMs }) => delayMs),
    settings.queueHorizonMs,
    settings.graceMs,
  ])
  return batch.map(() => undefined)
}
