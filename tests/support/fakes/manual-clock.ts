// A clock that stands still until a test moves it. Waits end in the order of their times.

import type { Clock } from '../../../lib/broker/ports.ts'

export type ManualClock = Clock & {
  /** Moves on, ending every wait on the way, and lets what they woke run. */
  advance(ms: number): Promise<void>
  /** How long the waits under way were asked to last, oldest first. */
  waits(): number[]
}

type Wait = { atMs: number; delayMs: number; end: () => void }

/** Lets everything run that waits for nothing but promises. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

export const makeManualClock = (startMs = 1_000_000): ManualClock => {
  let elapsedMs = 0
  const waits = new Set<Wait>()
  const nextWait = (untilMs: number): Wait | undefined =>
    [...waits].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
  return {
    nowMs: () => startMs + elapsedMs,
    elapsedMs: () => elapsedMs,
    wait: (delayMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) {
          resolve()
          return
        }
        const end = () => {
          waits.delete(wait)
          signal?.removeEventListener('abort', end)
          resolve()
        }
        const wait = { atMs: elapsedMs + delayMs, delayMs, end }
        waits.add(wait)
        signal?.addEventListener('abort', end, { once: true })
      }),
    after: (delayMs, run) => {
      const end = () => {
        waits.delete(wait)
        run()
      }
      const wait = { atMs: elapsedMs + delayMs, delayMs, end }
      waits.add(wait)
      return () => waits.delete(wait)
    },
    advance: async (ms) => {
      const untilMs = elapsedMs + ms
      await settle()
      for (let wait = nextWait(untilMs); wait !== undefined; wait = nextWait(untilMs)) {
        elapsedMs = wait.atMs
        wait.end()
        await settle()
      }
      elapsedMs = untilMs
    },
    waits: () => [...waits].map(({ delayMs }) => delayMs),
  }
}
