// Work that takes longer than anybody can wait for it. It knows no clock: the timer is given.

export const TIMED_OUT = Symbol('timed out')

export type TimeLimit = {
  /** `Clock.after` */
  after(delayMs: number, run: () => void): () => void
  limitMs: number
}

/**
 * Waits for work, but no longer than the limit. What comes later belongs to nobody, a rejection neither.
 *
 * @returns TIMED_OUT when the limit came first. @throws what the work rejects with before that
 */
export const within = <T>(
  { after, limitMs }: TimeLimit,
  run: () => Promise<T>,
): Promise<T | typeof TIMED_OUT> =>
  new Promise((resolve, reject) => {
    const callOff = after(limitMs, () => {
      resolve(TIMED_OUT)
    })
    run().then(resolve, reject).finally(callOff)
  })
