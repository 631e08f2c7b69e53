// A delivery: one message to one webhook until it ends, and the moves its status may make.

export type DeliveryStatus = 'pending' | 'retrying' | 'delivered' | 'dead' | 'cancelled'

export const DELIVERY_STATUSES: readonly DeliveryStatus[] = [
  'pending',
  'retrying',
  'delivered',
  'dead',
  'cancelled',
]

export type DeadReason = 'schedule_exhausted' | 'gone' | 'blocked_address' | 'crash_budget'

/** Why a delivery sits in Postgres alone: no job, no attempt burnt. */
export type ParkReason = 'breaker_open' | 'rate_limited' | 'webhook_disabled' | 'capped'

/** Why an open delivery is not delivered yet. */
export type WaitReason = Exclude<ParkReason, 'capped'> | 'backoff' | 'in_flight' | 'queued'

export type Waiting = { reason: WaitReason; until: Date | null }

/** How many attempts may end with an unknown outcome (a worker that died) before a delivery is dead. */
export const CRASH_BUDGET = 5

const MOVES: Record<DeliveryStatus, readonly DeliveryStatus[]> = {
  pending: ['retrying', 'delivered', 'dead', 'cancelled'],
  retrying: ['retrying', 'delivered', 'dead', 'cancelled', 'pending'],
  // A replay starts a new series from any status; a late success ends `dead` and `cancelled` well.
  delivered: ['pending'],
  dead: ['delivered', 'pending'],
  cancelled: ['delivered', 'pending'],
}

/** Whether the log of a delivery may show this step. `retrying -> pending` and `delivered -> pending` are replays. */
export const isLegalMove = (from: DeliveryStatus, to: DeliveryStatus): boolean =>
  MOVES[from].includes(to)

/** A delivery is open while the broker still means to attempt it. */
export const isOpen = (status: DeliveryStatus): boolean =>
  status === 'pending' || status === 'retrying'

/** What the reason is derived from; times by the database clock. */
export type WaitingFacts = {
  status: DeliveryStatus
  now: Date
  leaseUntil: Date | null
  nextAttemptAt: Date
  parked: ParkReason | null
  /** Until when the breaker of its webhook is open. */
  breakerUntil: Date | null
}

/**
 * Says why a delivery is not delivered yet and when that ends.
 *
 * @returns null for a delivery that has ended; `until: null` when the end is not a time but an act (an operator
 *   enables the webhook, a worker becomes free)
 */
export const waitingFor = (facts: WaitingFacts): Waiting | null => {
  if (!isOpen(facts.status)) return null
  if (facts.leaseUntil !== null && facts.leaseUntil > facts.now) {
    return { reason: 'in_flight', until: facts.leaseUntil }
  }
  if (facts.parked === 'webhook_disabled') return { reason: 'webhook_disabled', until: null }
  // It waits for attempts of its own webhook to end, as others wait for a worker.
  if (facts.parked === 'capped') return { reason: 'queued', until: null }
  if (facts.parked === 'breaker_open') return { reason: 'breaker_open', until: facts.breakerUntil }
  if (facts.parked !== null) return { reason: facts.parked, until: facts.nextAttemptAt }
  if (facts.nextAttemptAt > facts.now) return { reason: 'backoff', until: facts.nextAttemptAt }
  return { reason: 'queued', until: null }
}
