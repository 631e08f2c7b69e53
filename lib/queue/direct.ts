// The direct dispatcher: delivers from Postgres without a queue. It claims what is due, never more than it can send at
// once. It may run beside the queue: only the claim decides who attempts a delivery.

import type { Claim, Clock, Log, NeedsTurn } from '../broker/ports.ts'
import { makeAlarm } from './alarm.ts'

export type DirectDeps = {
  /** Claims at most so many deliveries that are due; those that need a turn first count as well. */
  claimDue(slots: number): Promise<{ claims: Claim[]; startedMs: number; needTurn: NeedsTurn[] }>
  /** Attempts one. Never rejects for anything a receiver does. */
  run(claim: Claim, startedMs: number): Promise<unknown>
  /** Attempts one in its turn, or puts it off. */
  runInTurn(delivery: NeedsTurn): Promise<unknown>
  concurrency: number
  /** Whether the process has what it needs to take more. */
  mayTake?(): boolean
  /** How often Postgres is asked while nothing wakes it. */
  pollMs: number
  clock: Clock
  log: Log
}

export type DirectDispatcher = {
  /** Begins to claim (or goes on). */
  resume(): void
  /** Stops claiming once a round has found nothing. */
  finish(): void
  /** Something may be due: ask now. */
  wake(): void
  /** Takes nothing more and waits for what is under way. */
  close(): Promise<void>
}

const MAX_BACKOFF_MS = 5_000
const IDLE_MS = 3_600_000

type Mode = 'idle' | 'running' | 'finishing' | 'closed'

export const startDirect = (deps: DirectDeps): DirectDispatcher => {
  const { pollMs } = deps
  const alarm = makeAlarm(deps.clock)
  let mode: Mode = 'idle'
  let failures = 0
  // With a backlog, a round for every slot that becomes free would claim one by one.
  let backlog = false
  const attempts = makeAttempts(deps, (free) => {
    if (backlog && free >= deps.concurrency / 4) alarm.ring()
  })

  /** @returns whether there may be more right now */
  const round = async (): Promise<boolean> => {
    const slots = attempts.freeSlots()
    if (slots === 0 || deps.mayTake?.() === false) return false
    try {
      const { claims, startedMs, needTurn } = await deps.claimDue(slots)
      failures = 0
      const found = claims.length + needTurn.length
      backlog = found === slots
      for (const claim of claims)
        attempts.launch(claim.deliveryId, () => deps.run(claim, startedMs))
      // Until it has been claimed or put off, the next round finds it again.
      const fresh = needTurn.filter(({ deliveryId }) => !attempts.has(deliveryId))
      for (const one of fresh) attempts.launch(one.deliveryId, () => deps.runInTurn(one))
      if (found === 0 && mode === 'finishing') mode = 'idle'
      return claims.length + fresh.length > 0
    } catch (error) {
      if (failures === 0) deps.log.warn('direct.postponed', { error })
      failures += 1
      return false
    }
  }
  const isClosed = () => mode === 'closed'
  const loop = async () => {
    while (!isClosed()) {
      if (mode === 'idle') await alarm.rest(IDLE_MS)
      else if (!(await round())) await alarm.rest(Math.min(pollMs * 2 ** failures, MAX_BACKOFF_MS))
    }
  }
  const looping = loop()

  return {
    resume: () => {
      if (mode !== 'closed') mode = 'running'
      alarm.ring()
    },
    finish: () => {
      if (mode === 'running') mode = 'finishing'
    },
    wake: alarm.ring,
    close: async () => {
      mode = 'closed'
      alarm.ring()
      await looping
      await attempts.idle()
    },
  }
}

// How long a drain waits for one of its attempts to end before it looks again, when none rings.
const LOOK_AGAIN_MS = 60_000

/**
 * The same, bounded: claims what is due until nothing is, or the time is over, and waits for its attempts.
 *
 * @returns how many it took
 * @throws BrokerError `log_unavailable`, after the attempts under way have ended
 */
export const drainDue = async (
  deps: Omit<DirectDeps, 'pollMs'>,
  mayTake: () => boolean,
): Promise<number> => {
  const { concurrency } = deps
  const alarm = makeAlarm(deps.clock)
  // Rounds for a good part of the slots: one for every slot that becomes free would claim one by one.
  const attempts = makeAttempts(deps, (free) => {
    if (free >= concurrency / 4) alarm.ring()
  })
  let taken = 0
  try {
    while (mayTake()) {
      const slots = attempts.freeSlots()
      const { claims, startedMs, needTurn } = await deps.claimDue(slots)
      const fresh = needTurn.filter(({ deliveryId }) => !attempts.has(deliveryId))
      taken += claims.length + fresh.length
      for (const claim of claims)
        attempts.launch(claim.deliveryId, () => deps.run(claim, startedMs))
      for (const one of fresh) attempts.launch(one.deliveryId, () => deps.runInTurn(one))
      // An attempt that ends may make its own delivery due again, but not at once: that is the next run's.
      if (claims.length + needTurn.length < slots) break
      await alarm.rest(LOOK_AGAIN_MS)
    }
    return taken
  } finally {
    await attempts.idle()
  }
}

/** The attempts under way, at most `concurrency`. */
const makeAttempts = (
  { concurrency, log }: Pick<DirectDeps, 'concurrency' | 'log'>,
  onFree: (free: number) => void,
) => {
  const inFlight = new Map<string, Promise<void>>()
  return {
    freeSlots: () => concurrency - inFlight.size,
    has: (deliveryId: string) => inFlight.has(deliveryId),
    launch: (deliveryId: string, run: () => Promise<unknown>) => {
      const attempt = run()
        .then(
          () => undefined,
          (error: unknown) => log.error('attempt.failed', { deliveryId, error }),
        )
        .finally(() => {
          inFlight.delete(deliveryId)
          onFree(concurrency - inFlight.size)
        })
      inFlight.set(deliveryId, attempt)
    },
    idle: async () => {
      await Promise.all(inFlight.values())
    },
  }
}
