// A delivery of a rate-limited webhook asks for its turn: of Redis, which knows all workers, or, while that is away, of
// this process's own share of the limit. Waiting for a turn is no attempt.

import { NO_TURNS, takeTurn, type RateState, type Turn } from '../domain/rate-limit.ts'
import type { RateLimit } from '../domain/webhook.ts'
import { REDIS_BUDGET_MS, type Patience } from './patience.ts'
import type { Clock, SharedTurns } from './ports.ts'

export type Turns = {
  /** Never rejects. @param claimed takes the next one however far away it is: the delivery has missed its own */
  take(webhookId: string, limit: RateLimit, claimed?: boolean): Promise<Turn>
}

export type TurnsDeps = {
  /** Undefined for a broker without Redis. */
  shared: SharedTurns | undefined
  patience: Patience
  clock: Pick<Clock, 'elapsedMs'>
}

// Before Redis has said how many workers there are: together they rather send too little than too much.
const ASSUMED_WORKERS = 4
const MAX_STATES = 5_000

export const makeTurns = ({ shared, patience, clock }: TurnsDeps): Turns => {
  const states = new Map<string, RateState>()
  // Without Redis there is one process, or at least nobody who could say how many.
  let workers = shared === undefined ? 1 : ASSUMED_WORKERS

  const takeLocally = (webhookId: string, limit: RateLimit, claimed: boolean): Turn => {
    const { state, turn } = takeTurn(states.get(webhookId) ?? NO_TURNS, {
      limit,
      nowMs: clock.elapsedMs(),
      share: 1 / workers,
      claimed,
    })
    states.delete(webhookId)
    states.set(webhookId, state)
    const [oldest] = states.keys()
    if (states.size > MAX_STATES && oldest !== undefined) states.delete(oldest)
    return turn
  }

  return {
    take: async (webhookId, limit, claimed = false) => {
      const given =
        shared === undefined
          ? undefined
          : await patience
              .start(REDIS_BUDGET_MS)
              .attempt(() => shared.take(webhookId, limit, claimed))
      if (given === undefined) return takeLocally(webhookId, limit, claimed)
      workers = Math.max(1, given.workers)
      return given.turn
    },
  }
}
