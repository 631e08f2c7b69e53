// How a load is fired: so many at once as fast as they are answered, or so many a second. The same for the broker and for
// what it is compared with.

import { setTimeout as wait } from 'node:timers/promises'
import { nowMs } from './clock.ts'

export type Pace =
  /** `events` in all, `lanes` at once. */
  { events: number; lanes: number } | { events: number; perSecond: number }

/** Times of the common clock. */
export type Fired = {
  startedMs: number
  endedMs: number
  /** By the id that `fire` returned, when its call began. */
  startedAtMs: Map<string, number>
  /** How long each call took. */
  tookMs: Float64Array
}

/** @param fire returns the id by which the receiver knows the event */
export const fireAll = async (pace: Pace, fire: (n: number) => Promise<string>): Promise<Fired> => {
  const startedAtMs = new Map<string, number>()
  const tookMs = new Float64Array(pace.events)
  let next = 0
  const one = async () => {
    const n = next
    next += 1
    const beganMs = nowMs()
    const id = await fire(n)
    tookMs[n] = nowMs() - beganMs
    startedAtMs.set(id, beganMs)
  }
  const lane = async () => {
    while (next < pace.events) await one()
  }
  const startedMs = nowMs()
  if ('lanes' in pace) {
    await Promise.all(Array.from({ length: pace.lanes }, lane))
  } else {
    const fired: Promise<void>[] = []
    while (next < pace.events) {
      await wait(Math.max(0, startedMs + (next * 1_000) / pace.perSecond - nowMs()))
      fired.push(one())
    }
    await Promise.all(fired)
  }
  return { startedMs, endedMs: nowMs(), startedAtMs, tookMs }
}
