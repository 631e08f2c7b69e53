// The clock, randomness and ids of a process: the only place that reads them.

import { randomFillSync, randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Clock, IdSource, Random } from '../broker/ports.ts'
import { ID_RANDOM_BYTES, makeId } from '../domain/ids.ts'

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  elapsedMs: () => performance.now(),
  wait: (delayMs, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve()
        return
      }
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, delayMs)
      signal?.addEventListener('abort', done, { once: true })
    }),
}

// One call to the system's source serves many ids: it costs more than the ids themselves.
const POOL_BYTES = 4_096

/** Cryptographic randomness, read in blocks. */
export const makeRandom = (): Random => {
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  return {
    fraction: () => Math.random(),
    bytes: (count) => {
      if (used + count > POOL_BYTES) {
        randomFillSync(pool)
        used = 0
      }
      const bytes = pool.slice(used, used + count)
      used += count
      return bytes
    },
  }
}

export const makeIds = (clock: Clock, random: Random): IdSource => ({
  webhook: () => makeId('wh', clock.nowMs(), random.bytes(ID_RANDOM_BYTES)),
  message: () => makeId('msg', clock.nowMs(), random.bytes(ID_RANDOM_BYTES)),
  token: () => randomUUID(),
})
