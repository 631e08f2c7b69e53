// The queue in memory, for tests of use cases. The contract suite holds it to what BullMQ does.

import type { DeliveryQueue, Job } from '../../../lib/broker/ports.ts'

export type FakeDeliveryQueue = DeliveryQueue & {
  /** Takes the job that waits longest, as a worker would, with its lock. */
  take(): string | undefined
  /** The job ended: nothing of it is kept. */
  finish(deliveryId: string): void
  /** The worker died: its lock runs out. */
  loseLock(deliveryId: string): void
  /** Leaves a job that no list holds. */
  orphan(deliveryId: string): void
  /** All is lost, as after FLUSHALL. */
  clear(): void
  /** What waits now, longest first. */
  waiting(): string[]
}

export const makeFakeDeliveryQueue = (): FakeDeliveryQueue => {
  const jobs = new Set<string>()
  const locks = new Set<string>()
  let waiting: string[] = []
  let active: string[] = []
  let incarnation: number | undefined

  const add = ({ deliveryId, delayMs }: Job) => {
    if (jobs.has(deliveryId)) return
    jobs.add(deliveryId)
    if (delayMs <= 0) waiting.push(deliveryId)
  }
  const forget = (deliveryId: string) => {
    jobs.delete(deliveryId)
    locks.delete(deliveryId)
    waiting = waiting.filter((id) => id !== deliveryId)
    active = active.filter((id) => id !== deliveryId)
  }
  return {
    enqueue: (added) => {
      added.forEach(add)
      return Promise.resolve()
    },
    present: (ids) => Promise.resolve(ids.map((id) => jobs.has(id))),
    replace: (replaced) => {
      for (const job of replaced) {
        if (locks.has(job.deliveryId)) continue
        forget(job.deliveryId)
        add(job)
      }
      return Promise.resolve()
    },
    abandoned: () => Promise.resolve(active.filter((id) => !locks.has(id))),
    oldestWaiting: () => Promise.resolve(waiting[0]),
    waitingCount: () => Promise.resolve(waiting.length),
    // Workers of a test take when they are told to.
    wake: () => Promise.resolve(),
    incarnation: () => Promise.resolve(incarnation),
    holdsIncarnation: () => Promise.resolve(incarnation !== undefined),
    raiseIncarnation: (from, to) => {
      if (incarnation !== from) return Promise.resolve(false)
      incarnation = to
      return Promise.resolve(true)
    },
    take: () => {
      const id = waiting.shift()
      if (id === undefined) return undefined
      active.push(id)
      locks.add(id)
      return id
    },
    finish: forget,
    loseLock: (id) => locks.delete(id),
    orphan: (id) => jobs.add(id),
    clear: () => {
      for (const id of [...jobs, ...active]) forget(id)
      incarnation = undefined
    },
    waiting: () => [...waiting],
  }
}
