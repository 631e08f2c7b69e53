// Wakes the drain of a scale-to-zero deployment, after the enqueue: mark, then invoke. A mark that stands means that a
// drain was asked for which has not looked yet, so it will see what was just enqueued. Nothing here can fail a trigger.

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
      await within(clock, INVOKE_BUDGET_MS, invoke)
    } catch (error) {
      log.warn('kick.failed', { error, effect: 'the drain runs at its next scheduled time' })
      // Else the triggers of the next 30 s would rely on a drain that nobody asked for.
      await redis.attempt(() => mark.withdraw(token))
    }
  }

/** @throws what `run` throws, or Error when the time is over; the signal tells `run`, and nobody waits for it then */
const within = async (
  clock: Clock,
  budgetMs: number,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> => {
  const stop = new AbortController()
  const work = run(stop.signal)
  work.catch(() => undefined)
  try {
    await Promise.race([
      work,
      clock.wait(budgetMs, stop.signal).then(() => {
        throw new Error(`no answer within ${budgetMs} ms`)
      }),
    ])
  } finally {
    stop.abort()
  }
}

/** A trigger that wakes the drain before it answers, unless there is nothing to deliver. */
export const triggerThenKick =
  (trigger: TriggerEvent, kick: Kick): TriggerEvent =>
  async (input) => {
    const answer = await trigger(input)
    if (answer.deliveries > 0) await kick()
    return answer
  }
