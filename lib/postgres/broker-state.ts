// The state of the whole broker, for gauges: every statement reads what is open or few, never the log.

import type { BrokerState, ReadBrokerState } from '../broker/ports.ts'
import type { Database } from './database.ts'

const OPEN = `
select coalesce(parked, 'none') as waiting, count(*)::int as count
from deliveries where finished_at is null group by 1`

// Rows in flight keep the time of their attempt; they are not late.
const STATE = `
select
  (select extract(epoch from now() - next_attempt_at)::float8 from deliveries
   where finished_at is null and next_attempt_at <= now() and (lease_until is null or lease_until <= now())
   order by next_attempt_at limit 1) as oldest,
  (select extract(epoch from last_sweep_at)::float8 from broker_state) as swept,
  (select extract(epoch from rolled_until)::float8 from stats_progress) as rolled`

const WEBHOOKS = `
select case
    when w.status = 'disabled' then 'disabled'
    when h.state in ('open', 'ramping') then h.state
    when h.failing_since is not null then 'failing'
    else 'healthy' end as state,
  count(*)::int as count
from webhooks w left join webhook_health h on h.webhook_id = w.id
where w.deleted_at is null group by 1`

type Row = { oldest: number | null; swept: number | null; rolled: number }

export const makeReadBrokerState =
  (database: Database): ReadBrokerState =>
  async () => {
    const [open, [state], webhooks] = await Promise.all([
      database.query<BrokerState['open'][number]>(OPEN, []),
      database.query<Row>(STATE, []),
      database.query<BrokerState['webhooks'][number]>(WEBHOOKS, []),
    ])
    return {
      open,
      oldestDueAgeS: state?.oldest ?? 0,
      lastSweepAtS: state?.swept ?? null,
      statsRolledUntilS: state?.rolled ?? 0,
      webhooks,
    }
  }
