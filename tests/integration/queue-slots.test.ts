// What a worker's slots end and take in one script must be what BullMQ's own scripts do for each: the same refusals, the same
// state afterwards, and none of it where somebody has paused or limited the queue as a whole.

import type { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ClosableDeliveryQueue } from '../../lib/queue/delivery-queue.ts'
import { makeSlots, type Slots, type Told, type Wish } from '../../lib/queue/slots.ts'
import { hasStarted, names, openBullmq, openQueue } from '../support/queue-kit.ts'
import {
  deliveryId,
  deliveryIds,
  jobsOf,
  startTestRedis,
  type TestRedis,
} from '../support/redis-kit.ts'
import { waitUntil } from '../support/wait.ts'
import { DONE, makeGate, startWorkerKit, type WorkerKit } from '../support/worker-kit.ts'

const [a, b, c] = [deliveryId(1), deliveryId(2), deliveryId(3)]
const LOCK_MS = 30_000
const NOTHING: Told = { kind: 'none', dueMs: 0 }

describe('slots', () => {
  let redis: TestRedis
  let connection: Redis
  let queue: ClosableDeliveryQueue
  let bullmq: Queue
  let slots: Slots

  beforeAll(async () => {
    redis = await startTestRedis()
    connection = new Redis(redis.url, { maxRetriesPerRequest: null })
    queue = await openQueue(redis)
    bullmq = openBullmq(redis)
  })
  beforeEach(async () => {
    await redis.admin.flushall()
    slots = makeSlots(connection, names, LOCK_MS)
  })
  afterAll(async () => {
    await bullmq.close()
    await queue.close()
    connection.disconnect()
    await redis.stop()
  })

  const take = (token: string): Wish => ({ token, ended: undefined, takes: true })
  const end = (token: string, ended: string, takes = false): Wish => ({ token, ended, takes })
  const tell = (wishes: readonly Wish[]) => Promise.all(wishes.map(slots))
  const scriptsSent = async () => {
    const stats = await redis.admin.info('commandstats')
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
  }

  it('that tell at one moment are one command', async () => {
    const ids = deliveryIds(50)
    await queue.enqueue(jobsOf([...ids, deliveryId(99)]))
    await tell([take('warm')])
    const before = await scriptsSent()
    const told = await tell(ids.slice(1).map((id) => take(`token of ${id}`)))
    expect(await scriptsSent()).toBe(before + 1)
    expect(told).toEqual(ids.slice(1).map((jobId) => ({ kind: 'next', jobId })))
  })

  it('take the oldest job first, with its lock, and find nothing when there is none', async () => {
    await queue.enqueue(jobsOf([a, b]))
    expect(await tell([take('one'), take('two'), take('three')])).toEqual([
      { kind: 'next', jobId: a, thenDueMs: 0 },
      { kind: 'next', jobId: b, thenDueMs: 0 },
      NOTHING,
    ])
    expect(await redis.admin.mget(names.lock(a), names.lock(b))).toEqual(['one', 'two'])
    expect(await redis.admin.pttl(names.lock(a))).toBeGreaterThan(LOCK_MS - 5_000)
    expect(await redis.admin.lrange(names.active, 0, -1)).toEqual([b, a])
  })

  it('get the next job for the one that they end, and leave nothing of that', async () => {
    await queue.enqueue(jobsOf([a, b]))
    await tell([take('one')])
    expect(await tell([end('one', a, true)])).toEqual([{ kind: 'next', jobId: b, thenDueMs: 0 }])
    expect(await tell([end('one', b)])).toEqual([NOTHING])
    const left = await redis.admin.keys('*')
    expect(left.map((key) => key.split(':').at(-1)).sort()).toEqual(['marker'])
  })

  it('learn which job is not theirs to end, each for itself', async () => {
    await queue.enqueue(jobsOf([a, b, c, deliveryId(4), deliveryId(5)]))
    await tell(['1', '2', '3', '4', '5'].map(take))
    await redis.admin.set(names.lock(a), 'of another worker')
    await redis.admin.del(names.lock(b))
    await redis.admin.del(names.lock(c), names.job(c))
    await redis.admin.lrem(names.active, 0, deliveryId(4))
    const wishes = [end('1', a, true), end('2', b), end('3', c), end('4', deliveryId(4))]
    expect(await tell([...wishes, end('5', deliveryId(5))])).toEqual([
      { kind: 'refused', code: -6 },
      { kind: 'refused', code: -2 },
      { kind: 'refused', code: -1 },
      { kind: 'refused', code: -3 },
      NOTHING,
    ])
    expect(await redis.admin.get(names.lock(a))).toBe('of another worker')
    expect(await redis.admin.exists(names.job(deliveryId(5)))).toBe(0)
  })

  it('take what was delayed once it is due, and are told when the next one is', async () => {
    await queue.enqueue(jobsOf([a], 20))
    await queue.enqueue(jobsOf([b], 60_000))
    const first = await waitUntil(
      async () => {
        const [told] = await tell([take('one')])
        return told?.kind === 'next' ? told.jobId : undefined
      },
      { message: 'the job that was delayed for 20 ms' },
    )
    expect(first).toBe(a)
    const [told] = await tell([end('one', a, true)])
    if (told?.kind !== 'none') throw new Error('nothing else is due')
    expect(told.dueMs - Date.now()).toBeGreaterThan(55_000)
    expect(told.dueMs - Date.now()).toBeLessThanOrEqual(60_000)
  })

  it('do nothing while the queue is paused, and say so', async () => {
    await queue.enqueue(jobsOf([a, b]))
    await tell([take('one')])
    await bullmq.pause()
    expect(await tell([end('one', a, true)])).toEqual([{ kind: 'not_here' }])
    expect(await redis.admin.exists(names.job(a))).toBe(1)
    await bullmq.resume()
    expect(await tell([end('one', a, true)])).toEqual([{ kind: 'next', jobId: b, thenDueMs: 0 }])
  })

  it('are told with the last job that nothing else waits, and when the next one is due', async () => {
    await queue.enqueue(jobsOf([a, b]))
    await queue.enqueue(jobsOf([c], 60_000))
    expect(await tell([take('one')])).toEqual([{ kind: 'next', jobId: a }])
    const [told] = await tell([take('two')])
    expect(told).toMatchObject({ kind: 'next', jobId: b })
    const thenDueMs = told?.kind === 'next' ? told.thenDueMs : undefined
    expect((thenDueMs ?? 0) - Date.now()).toBeGreaterThan(55_000)
    expect((thenDueMs ?? 0) - Date.now()).toBeLessThanOrEqual(60_000)
  })

  it('leave a waiting worker its mark only while something waits', async () => {
    await queue.enqueue(jobsOf([a, b]))
    await redis.admin.del(names.marker)
    await tell([take('one')])
    expect(await redis.admin.zcard(names.marker)).toBe(1)
    await redis.admin.del(names.marker)
    await tell([take('two')])
    expect(await redis.admin.exists(names.marker)).toBe(0)
  })
})

describe('workers', () => {
  let kit: WorkerKit

  beforeEach(async () => {
    kit = await startWorkerKit()
  })
  afterEach(() => kit.close())

  it('take nothing of a queue that is paused, and go on when it is resumed', async () => {
    const bullmq = openBullmq(kit.redis)
    await bullmq.pause()
    kit.work(() => DONE)
    await kit.queue.enqueue(jobsOf([a]))
    // The worker is made to look, and has looked when the mark is gone.
    await kit.redis.admin.zadd(names.marker, 0, '0')
    await waitUntil(async () => (await kit.redis.admin.exists(names.marker)) === 0, {
      message: 'a look of the worker',
    })
    const resumedMs = performance.now()
    await bullmq.resume()
    await kit.gone(a)
    expect(kit.attempts.map(({ id, atMs }) => [id, atMs > resumedMs])).toEqual([[a, true]])
    await bullmq.close()
  })

  it('keep to a limit that BullMQ sets for all of them together', async () => {
    const bullmq = openBullmq(kit.redis)
    await bullmq.setGlobalConcurrency(1)
    let underWay = 0
    let most = 0
    kit.work(async () => {
      underWay += 1
      most = Math.max(most, underWay)
      await new Promise((resolve) => setImmediate(resolve))
      underWay -= 1
      return DONE
    })
    await kit.queue.enqueue(jobsOf(deliveryIds(20)))
    for (const id of deliveryIds(20)) await kit.gone(id)
    expect(most).toBe(1)
    await bullmq.close()
  })

  // Seen as 39 of 5,000 deliveries that waited for the sweep after a receiver had stood still for a second: they were let go
  // before the jobs that had found no room for them had ended, and an add of a job that is held was ignored.
  it.each([false, true])(
    'run a job again that was added while it was under way (closing: %s)',
    async (closing) => {
      const gate = makeGate()
      const worker = kit.work((id) => (id === a ? gate.opened.then(() => DONE) : DONE))
      await kit.queue.enqueue(jobsOf([a]))
      await kit.attempted(a)
      await kit.queue.enqueue(jobsOf([a]))
      const closed = closing ? worker.close(5_000) : Promise.resolve()
      gate.open()
      await closed
      if (closing) kit.work(() => DONE)
      await kit.attempted(a, 2)
      await kit.gone(a)
      expect(kit.attemptsOf(a)).toHaveLength(2)
    },
  )

  it('ask once for a job that comes alone, wait for the next one, and end it with a third command', async () => {
    kit.work(() => DONE)
    const waits = () => hasStarted(kit.redis.admin)
    await waitUntil(waits, { message: 'a worker that waits' })
    await kit.queue.enqueue(jobsOf([a]))
    await kit.gone(a)
    await waitUntil(waits, { message: 'a worker that waits again' })
    await kit.redis.admin.config('RESETSTAT')
    for (const id of [b, c]) {
      await kit.queue.enqueue(jobsOf([id]))
      await kit.gone(id)
    }
    const stats = await kit.redis.admin.info('commandstats')
    const calls = (command: string) =>
      Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
    // Of each job: added, taken, ended; and a wait, the first of which began before.
    expect([calls('evalsha'), calls('bzpopmin')]).toEqual([6, 2])
  })

  it('wake one another: a job that one of them leaves waiting is taken by the next', async () => {
    const gate = makeGate()
    for (let n = 0; n < 3; n += 1) kit.work(() => gate.opened.then(() => DONE), { concurrency: 1 })
    await waitUntil(async () => (await kit.queue.workers()) === 3, { message: 'three workers' })
    await kit.queue.enqueue(jobsOf([a, b, c]))
    for (const id of [a, b, c]) await kit.attempted(id)
    gate.open()
    for (const id of [a, b, c]) await kit.gone(id)
  })
})
