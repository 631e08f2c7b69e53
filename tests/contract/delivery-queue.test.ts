// The delivery queue in memory and on BullMQ: one suite for both, then what only a real Redis can show.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ClosableDeliveryQueue } from '../../lib/queue/delivery-queue.ts'
import { JOB_OPTIONS } from '../../lib/queue/options.ts'
import { makeFakeDeliveryQueue } from '../support/fakes/delivery-queue.ts'
import {
  makeHandWorker,
  names,
  openBullmq,
  openQueue,
  type HandWorker,
} from '../support/queue-kit.ts'
import {
  deliveryId,
  deliveryIds,
  jobsOf,
  startTestRedis,
  type TestRedis,
} from '../support/redis-kit.ts'
import { describeDeliveryQueue } from './delivery-queue.suite.ts'

describeDeliveryQueue('in memory (the fake)', () => {
  const queue = makeFakeDeliveryQueue()
  const done = (act: () => void) => {
    act()
    return Promise.resolve()
  }
  return Promise.resolve({
    queue,
    take: () => Promise.resolve(queue.take()),
    finish: (id) => done(() => queue.finish(id)),
    loseLock: (id) => done(() => queue.loseLock(id)),
    orphan: (id) => done(() => queue.orphan(id)),
    clear: () => done(queue.clear),
    close: () => Promise.resolve(),
  })
})

describeDeliveryQueue('on BullMQ', async () => {
  const redis = await startTestRedis()
  const queue = await openQueue(redis)
  const worker = makeHandWorker(redis)
  return {
    queue,
    ...worker,
    loseLock: async (id) => {
      await redis.admin.del(names.lock(id))
    },
    orphan: async (id) => {
      await redis.admin.hset(names.job(id), { name: 'delivery', data: '{}' })
    },
    clear: async () => {
      await redis.admin.flushall()
    },
    close: async () => {
      await worker.close()
      await queue.close()
      await redis.stop()
    },
  }
})

describe('what BullMQ keeps in Redis', () => {
  let redis: TestRedis
  let queue: ClosableDeliveryQueue
  let worker: HandWorker

  beforeAll(async () => {
    redis = await startTestRedis()
    queue = await openQueue(redis)
    worker = makeHandWorker(redis)
  })
  beforeEach(async () => {
    await redis.admin.flushall()
  })
  afterAll(async () => {
    await worker.close()
    await queue.close()
    await redis.stop()
  })

  const [a, b] = [deliveryId(1), deliveryId(2)]

  it('is under one hash tag of our prefix, apart from the incarnation', async () => {
    await queue.enqueue(jobsOf([a]))
    await queue.enqueue(jobsOf([b], 60_000))
    await queue.raiseIncarnation(undefined, 1)
    await worker.take()
    const keys = await redis.admin.keys('*')
    expect(keys.filter((key) => !key.startsWith('{broker}:deliveries:'))).toEqual([
      'broker:incarnation',
    ])
  })

  it('is no payload and no secret: the id is all that a job says', async () => {
    await queue.enqueue(jobsOf([a]))
    const { timestamp, opts, ...job } = await redis.admin.hgetall(names.job(a))
    expect(Number(timestamp)).toBeGreaterThan(0)
    expect(job).toEqual({ name: 'delivery', data: '{}', delay: '0', priority: '0' })
    expect(JSON.parse(opts ?? '')).toEqual({
      attempts: 1_000_000,
      backoff: { type: 'custom' },
      removeOnComplete: true,
      removeOnFail: true,
      stackTraceLimit: 0,
    })
  })

  it('is for BullMQ what one is that its own script added', async () => {
    await queue.enqueue(jobsOf([a]))
    const bullmq = openBullmq(redis)
    await bullmq.add('delivery', {}, { ...(await bullmq.getJob(a))?.opts, jobId: b })
    const [ours, theirs] = await Promise.all([a, b].map((id) => redis.admin.hgetall(names.job(id))))
    const { opts, timestamp, ...rest } = ours ?? {}
    expect({ ...rest, timestamp: theirs?.timestamp }).toEqual({ ...theirs, opts: undefined })
    expect({ ...JSON.parse(opts ?? ''), jobId: b }).toEqual(JSON.parse(theirs?.opts ?? ''))
    expect(Number(timestamp)).toBeGreaterThan(Date.now() - 60_000)
    expect(await bullmq.getWaiting()).toHaveLength(2)
    expect(await worker.take()).toBe(a)
    await worker.finish(a)
    expect(await bullmq.getJob(a)).toBeUndefined()
    await bullmq.close()
  })

  it('is nothing once all jobs have ended, but its own event stream and counters', async () => {
    await queue.enqueue(jobsOf([a, b]))
    for (const id of [a, b]) {
      expect(await worker.take()).toBe(id)
      await worker.finish(id)
    }
    const left = (await redis.admin.keys('*')).toSorted()
    expect(left.filter((key) => !/:(events|meta|marker|id)$/.test(key))).toEqual([])
  })

  it('counts what waits and what is delayed', async () => {
    await queue.enqueue(jobsOf(deliveryIds(3)))
    await queue.enqueue(jobsOf(deliveryIds(2, 10), 60_000))
    expect(await queue.depth()).toBe(5)
  })

  // The fact behind `removeOnComplete` and `removeOnFail` in options.ts: with BullMQ's default the sweep's re-add would
  // resolve and do nothing, for ever.
  it('would swallow an add, had it kept the job that ended', async () => {
    const keeping = openBullmq(redis)
    await keeping.add('delivery', {}, { ...JOB_OPTIONS, jobId: a, removeOnComplete: false })
    await worker.take()
    await worker.finish(a)
    await queue.enqueue(jobsOf([a]))
    expect(await worker.take()).toBeUndefined()
    await queue.replace(jobsOf([a]))
    expect(await worker.take()).toBe(a)
    await keeping.close()
  })

  it('finds an abandoned job only once, and never one that is just ending', async () => {
    const ids = deliveryIds(200)
    await queue.enqueue(jobsOf(ids))
    for (const id of ids) expect(await worker.take()).toBe(id)
    const ending = Promise.all(ids.map((id) => worker.finish(id)))
    const state = { ended: false }
    const watching = async () => {
      const found: string[] = []
      while (!state.ended) found.push(...(await queue.abandoned()))
      return found
    }
    const found = watching()
    await ending
    state.ended = true
    expect(await found).toEqual([])
  })
})
