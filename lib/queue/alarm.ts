// A rest that can be cut short. It holds no work of its own.

import type { Clock } from '../broker/ports.ts'

export type Alarm = {
  /** Ends the rest under way; rung while nobody rests, it ends the next one at once. */
  ring(): void
  rest(delayMs: number): Promise<void>
}

export const makeAlarm = (clock: Pick<Clock, 'wait'>): Alarm => {
  let bell = new AbortController()
  return {
    ring: () => bell.abort(),
    rest: async (delayMs) => {
      await clock.wait(delayMs, bell.signal)
      bell = new AbortController()
    },
  }
}
