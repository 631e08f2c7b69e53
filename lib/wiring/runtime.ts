// The clock, randomness and ids of a process: the only place that reads them.

import { randomFillSync, randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Clock, IdSource, Random } from '../broker/ports.ts'
import { ID_RANDOM_BYTES, makeId, type IdPrefix } from '../domain/ids.ts'

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
  after: (delayMs, run) => {
    // Timers come first in a turn of the event loop, then sockets, then this.
    const timer = setTimeout(() => {
      immediate = setImmediate(run)
    }, delayMs)
    let immediate: NodeJS.Immediate | undefined
    return () => {
      clearTimeout(timer)
      clearImmediate(immediate)
    }
  },
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

/** Ids of one process rise also within a millisecond, so that "oldest first" is the order in which they were made. */
export const makeIds = (clock: Clock, random: Random): IdSource => {
  let lastMs = 0
  let tail = random.bytes(ID_RANDOM_BYTES)
  const next = (prefix: IdPrefix): string => {
    const nowMs = clock.nowMs()
    if (nowMs > lastMs) {
      lastMs = nowMs
      tail = random.bytes(ID_RANDOM_BYTES)
    } else {
      tail = plusOne(tail)
    }
    return makeId(prefix, lastMs, tail)
  }
  return {
    webhook: () => next('wh'),
    message: () => next('msg'),
    replay: () => next('rpl'),
    token: () => randomUUID(),
  }
}

/** The next higher tail; each byte counts for the five bits that an id shows of it. */
const plusOne = (tail: Uint8Array): Uint8Array => {
  const next = tail.map((byte) => byte & 31)
  for (let index = next.length - 1; index >= 0; index -= 1) {
    const digit = next[index] ?? 0
    next[index] = (digit + 1) & 31
    if (digit < 31) break
  }
  return next
}
