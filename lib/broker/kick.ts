// Wakes the drain of a scale-to-zero deployment, after the enqueue: mark, then invoke. A mark that stands means that a
// drain was asked for which has not looked yet, so it will see what was just enqueued. Nothing here can fail a trigger.

import { TIMED_OUT, within } from '../domain/time-limit.ts'
import { REDIS_BUDGET_MS, type Patience } from './patience.ts'
import type { Clock, InvokeDrain, KickMark, Log } from './ports.ts'
import type { TriggerEvent } from './trigger-event.ts'

/** Nothing runs after a function has answered, so the answer waits for the invocation, but no longer. */
export const INVOKE_BUDGET_MS = 500

export type KickDeps = {
  /** Undefined for a broker without Redis: the drain's schedule claims from Postgres. */
  mark: KickMark | undefined
  invoke: InvokeDrain
  /** A fresh token for each kick. */
  makeToken(): string
  patience: Patience
  clock: Clock
  log: Log
}

/** Resolves when the drain was asked for, by this call or by another, or when that was given up. Never rejects. */
export type Kick = () => Promise<void>

export const makeKick =
  ({ mark, invoke, makeToken, patience, clock, log }: KickDeps): Kick =>
  async () => {
    if (mark === undefined) return
    const token = makeToken()
    const redis = patience.start(REDIS_BUDGET_MS)
    if ((await redis.attempt(() => mark.set(token))) !== true) return
    try {
      await invokeInTime(clock, invoke)
    } catch (error) {
      log.warn('kick.failed', { error, effect: 'the drain runs at its next scheduled time' })
      // Else the triggers of the next 30 s would rely on a drain that nobody asked for.
      await redis.attempt(() => mark.withdraw(token))
    }
  }

/** @throws what the invocation throws, or Error when the time is over; a signal tells it that nobody waits any more */
const invokeInTime = async (clock: Clock, invoke: InvokeDrain): Promise<void> => {
  const stop = new AbortController()
  const limit = { after: clock.after, limitMs: INVOKE_BUDGET_MS }
  if ((await within(limit, () => invoke(stop.signal))) !== TIMED_OUT) return
  stop.abort()
  throw new Error(`no answer within ${INVOKE_BUDGET_MS} ms`)
}

/** A trigger that wakes the drain before it answers, unless there is nothing to deliver. */
export const triggerThenKick =
  (trigger: TriggerEvent, kick: Kick): TriggerEvent =>
  async (input) => {
    const answer = await trigger(input)
    if (answer.deliveries > 0) await kick()
    return answer
  }
