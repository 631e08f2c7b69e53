// What the slots of a worker tell the queue, in batches: this job is done, give me another one. Slots that tell at one moment, or while
// Redis answers others, are one script. A slot that tells alone waits for nobody.

import { setImmediate } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { makeBatcher } from '../domain/batcher.ts'
import type { QueueNames } from './names.ts'
import { scriptCommand } from './script-command.ts'
import { END_AND_TAKE } from './scripts.ts'

export type Wish = {
  /** By which the slot holds its job's lock. */
  token: string
  /** The job that is done; undefined when the slot held none. */
  ended: string | undefined
  /** Whether the slot wants another job. */
  takes: boolean
}

export type Told =
  /** @property thenDueMs there when no other job waits: as `dueMs` below */
  | { kind: 'next'; jobId: string; thenDueMs?: number }
  /** Nothing was wanted, or nothing waits. @property dueMs when the next delayed job is due, by Date.now(); 0 for none */
  | { kind: 'none'; dueMs: number }
  /** The job that was done is not this slot's any more. @property code one of BullMQ's, below 0 */
  | { kind: 'refused'; code: number }
  /** The queue is paused or limited as a whole: nothing was done, BullMQ's own scripts must. */
  | { kind: 'not_here' }

export type Slots = (wish: Wish) => Promise<Told>

const MAX_WISHES = 200

/** @param lockMs for how long a job's lock holds */
export const makeSlots = (redis: Redis, names: QueueNames, lockMs: number): Slots => {
  const endAndTake = scriptCommand(redis, END_AND_TAKE)
  const { waiting, active, marker, job } = names
  const keys = [waiting, active, job('delayed'), job('stalled'), job('meta'), marker]
  const batcher = makeBatcher<Wish, Told>({
    run: async (wishes) => {
      const asked = wishes.flatMap(({ token, ended, takes }) => [token, ended ?? '', takes ? 1 : 0])
      const reply = await endAndTake(...keys, job(''), Date.now(), lockMs, ...asked)
      if (!Array.isArray(reply)) return wishes.map(() => ({ kind: 'not_here' }))
      const [due, ...said] = reply as unknown[]
      const dueMs = due === '' ? undefined : Number(due)
      return wishes.map((_, index) => toTold(said[index], dueMs))
    },
    maxItems: MAX_WISHES,
    failsForAll: () => true,
    gather: () => setImmediate(),
  })
  return batcher.add
}

const toTold = (said: unknown, dueMs: number | undefined): Told => {
  if (typeof said === 'string')
    return { kind: 'next', jobId: said, ...(dueMs === undefined ? {} : { thenDueMs: dueMs }) }
  return Number(said) < 0
    ? { kind: 'refused', code: Number(said) }
    : { kind: 'none', dueMs: dueMs ?? 0 }
}
