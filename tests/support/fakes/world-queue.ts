// The queue in memory with a clock: delayed jobs wait when their time has come. It stands behind a Redis that a test
// empties or takes away.

import type { Job } from '../../../lib/broker/ports.ts'
import { BrokerError } from '../../../lib/domain/errors.ts'
import { makeFakeDeliveryQueue, type FakeDeliveryQueue } from './delivery-queue.ts'

export type TimedQueue = FakeDeliveryQueue & {
  /** Lets the delayed jobs wait whose time has come. */
  promote(): Promise<void>
}

/** @param nowMs the clock by which delays pass */
export const makeTimedQueue = (nowMs: () => number): TimedQueue => {
  const queue = makeFakeDeliveryQueue()
  const dueAtMs = new Map<string, number>()
  const note = ({ deliveryId, delayMs }: Job) => {
    if (delayMs > 0) dueAtMs.set(deliveryId, nowMs() + delayMs)
    else dueAtMs.delete(deliveryId)
  }
  return {
    ...queue,
    enqueue: async (jobs) => {
      const known = await queue.present(jobs.map(({ deliveryId }) => deliveryId))
      await queue.enqueue(jobs)
      jobs.filter((_, index) => known[index] === false).forEach(note)
    },
    replace: async (jobs) => {
      await queue.replace(jobs)
      jobs.forEach(note)
    },
    finish: (deliveryId) => {
      queue.finish(deliveryId)
      dueAtMs.delete(deliveryId)
    },
    clear: () => {
      queue.clear()
      dueAtMs.clear()
    },
    promote: async () => {
      for (const [deliveryId, atMs] of dueAtMs) {
        if (atMs > nowMs()) continue
        dueAtMs.delete(deliveryId)
        await queue.replace([{ deliveryId, delayMs: 0 }])
      }
    },
  }
}

/** A port that lies behind Redis: while `redis` is down every call is refused. */
export const behindRedis = <Port extends object>(port: Port, redis: { up: boolean }): Port =>
  new Proxy(port, {
    get: (target, name, receiver) => {
      const value: unknown = Reflect.get(target, name, receiver)
      if (typeof value !== 'function') return value
      return (...given: unknown[]): unknown =>
        redis.up
          ? Reflect.apply(value, target, given)
          : Promise.reject(new BrokerError('queue_unavailable', 'Redis is away'))
    },
  })
