// What every queue must do, whatever it is made of. A rig plays the worker.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { DeliveryQueue } from '../../lib/broker/ports.ts'
import { deliveryId, deliveryIds, jobsOf } from '../support/redis-kit.ts'

export type DeliveryQueueRig = {
  queue: DeliveryQueue
  /** Takes the job that waits longest, with its lock, as a worker would. */
  take(): Promise<string | undefined>
  /** Ends a job that was taken, as a worker would. */
  finish(id: string): Promise<void>
  /** The worker that holds it died: its lock has run out. */
  loseLock(id: string): Promise<void>
  /** Leaves a job that is in no list, as a split brain does. */
  orphan(id: string): Promise<void>
  /** Everything is lost. */
  clear(): Promise<void>
  close(): Promise<void>
}

const [a, b, c] = [deliveryId(1), deliveryId(2), deliveryId(3)]

export const describeDeliveryQueue = (
  name: string,
  open: () => Promise<DeliveryQueueRig>,
): void => {
  describe(`the delivery queue ${name}`, () => {
    let rig: DeliveryQueueRig
    let queue: DeliveryQueue

    beforeAll(async () => {
      rig = await open()
      queue = rig.queue
    })
    beforeEach(() => rig.clear())
    afterAll(() => rig.close())

    const takeAll = async (): Promise<string[]> => {
      const taken: string[] = []
      for (let id = await rig.take(); id !== undefined; id = await rig.take()) taken.push(id)
      return taken
    }

    it('hands jobs out in the order of their adding', async () => {
      await queue.enqueue(jobsOf([b, a]))
      await queue.enqueue(jobsOf([c]))
      expect(await queue.oldestWaiting()).toBe(b)
      expect(await takeAll()).toEqual([b, a, c])
      expect(await queue.oldestWaiting()).toBeUndefined()
    })

    it('tells which jobs it has, in the order asked', async () => {
      await queue.enqueue(jobsOf([a, c]))
      expect(await queue.present([c, b, a, deliveryId(9)])).toEqual([true, false, true, false])
      expect(await queue.present([])).toEqual([])
    })

    it('takes nothing for nothing', async () => {
      await queue.enqueue([])
      await queue.replace([])
      expect(await queue.abandoned()).toEqual([])
      expect(await rig.take()).toBeUndefined()
    })

    it('adds an id that it knows already only once: waiting, delayed or active', async () => {
      await queue.enqueue(jobsOf([a]))
      await queue.enqueue(jobsOf([b], 60_000))
      await queue.enqueue(jobsOf([a, b, a]))
      expect(await takeAll()).toEqual([a])
      await queue.enqueue(jobsOf([a]))
      expect(await rig.take()).toBeUndefined()
      expect(await queue.present([a, b])).toEqual([true, true])
    })

    it('has a job that is delayed, and does not hand it out', async () => {
      await queue.enqueue(jobsOf([a], 60_000))
      await queue.enqueue(jobsOf([b]))
      expect(await queue.present([a])).toEqual([true])
      expect(await queue.oldestWaiting()).toBe(b)
      expect(await takeAll()).toEqual([b])
    })

    it('keeps nothing of a job that ended, so that its id can be added again', async () => {
      await queue.enqueue(jobsOf([a]))
      await rig.take()
      expect(await queue.present([a])).toEqual([true])
      await rig.finish(a)
      expect(await queue.present([a])).toEqual([false])
      await queue.enqueue(jobsOf([a]))
      expect(await takeAll()).toEqual([a])
    })

    it('takes 2,500 jobs in one call, in order', async () => {
      const ids = deliveryIds(2_500)
      await queue.enqueue(jobsOf(ids))
      expect(await queue.present(ids)).toEqual(ids.map(() => true))
      expect(await rig.take()).toBe(deliveryId(0))
    })

    it('replaces a delayed job by one that waits, which an add alone would not do', async () => {
      await queue.enqueue(jobsOf([a], 60_000))
      await queue.enqueue(jobsOf([a]))
      expect(await queue.oldestWaiting()).toBeUndefined()
      await queue.replace(jobsOf([a]))
      expect(await takeAll()).toEqual([a])
    })

    it('replaces a waiting job by a delayed one', async () => {
      await queue.enqueue(jobsOf([a, b]))
      await queue.replace(jobsOf([a], 60_000))
      expect(await takeAll()).toEqual([b])
      expect(await queue.present([a])).toEqual([true])
    })

    it('replaces what it does not have at all', async () => {
      await queue.replace(jobsOf([a]))
      expect(await takeAll()).toEqual([a])
    })

    it('replaces a job that is in no list, which swallows every add of its id', async () => {
      await rig.orphan(a)
      await queue.enqueue(jobsOf([a]))
      expect(await queue.present([a])).toEqual([true])
      expect(await queue.oldestWaiting()).toBeUndefined()
      await queue.replace(jobsOf([a]))
      expect(await takeAll()).toEqual([a])
    })

    it('leaves a job alone that a living worker holds', async () => {
      await queue.enqueue(jobsOf([a, b]))
      expect(await rig.take()).toBe(a)
      await queue.replace(jobsOf([a]))
      expect(await takeAll()).toEqual([b])
      await rig.finish(a)
      expect(await queue.present([a])).toEqual([false])
    })

    it('finds the jobs whose worker died, and hands them out again once they are replaced', async () => {
      await queue.enqueue(jobsOf([a, b, c]))
      await rig.take()
      await rig.take()
      expect(await queue.abandoned()).toEqual([])
      await rig.loseLock(b)
      expect(await queue.abandoned()).toEqual([b])
      await queue.replace(jobsOf([b]))
      expect(await queue.abandoned()).toEqual([])
      expect(await takeAll()).toEqual([c, b])
    })

    it('raises the incarnation only from what it holds', async () => {
      expect(await queue.incarnation()).toBeUndefined()
      expect(await queue.raiseIncarnation(0, 1)).toBe(false)
      expect(await queue.holdsIncarnation()).toBe(false)
      expect(await queue.incarnation()).toBeUndefined()
      expect(await queue.raiseIncarnation(undefined, 0)).toBe(true)
      expect(await queue.holdsIncarnation()).toBe(true)
      expect(await queue.incarnation()).toBe(0)
      expect(await queue.raiseIncarnation(undefined, 7)).toBe(false)
      expect(await queue.raiseIncarnation(0, 12)).toBe(true)
      expect(await queue.raiseIncarnation(1, 20)).toBe(false)
      expect(await queue.incarnation()).toBe(12)
      // Down, too: during the repair of a Redis that was rolled back it holds 0.
      expect(await queue.raiseIncarnation(12, 0)).toBe(true)
      expect(await queue.incarnation()).toBe(0)
    })

    it('knows nothing after everything was lost', async () => {
      await queue.enqueue(jobsOf([a]))
      await rig.take()
      await queue.raiseIncarnation(undefined, 3)
      await rig.clear()
      expect(await queue.present([a])).toEqual([false])
      expect(await queue.abandoned()).toEqual([])
      expect(await queue.incarnation()).toBeUndefined()
      await queue.enqueue(jobsOf([a]))
      expect(await takeAll()).toEqual([a])
    })
  })
}
