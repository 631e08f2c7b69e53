// A queue whose Redis is away, frozen, full or started anew: it says so soon, and works again without help.

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkRedis } from '../../lib/queue/check-redis.ts'
import { makeDeliveryQueue, type ClosableDeliveryQueue } from '../../lib/queue/delivery-queue.ts'
import { connectQueue } from '../../lib/queue/options.ts'
import { makeHandWorker, openQueue, PREFIX } from '../support/queue-kit.ts'
import {
  deliveryId,
  deliveryIds,
  jobsOf,
  makeMemoryLog,
  startTestRedis,
  type TestRedis,
} from '../support/redis-kit.ts'
import { waitUntil } from '../support/wait.ts'

const [a, b] = [deliveryId(1), deliveryId(2)]
const UNAVAILABLE = { name: 'BrokerError', code: 'queue_unavailable' }

let redis: TestRedis
let queue: ClosableDeliveryQueue

beforeEach(async () => {
  redis = await startTestRedis()
  queue = await openQueue(redis)
})

afterEach(async () => {
  await queue.close()
  await redis.stop()
})

const failureOf = async (work: Promise<unknown>) => {
  const startedMs = performance.now()
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { error, tookMs: performance.now() - startedMs }
}

const enqueueUntilDone = (ids: string[]) =>
  waitUntil(
    () =>
      queue.enqueue(jobsOf(ids)).then(
        () => true,
        () => false,
      ),
    { message: 'an enqueue that succeeds' },
  )

describe('a Redis that is away', () => {
  it('fails every call at once, and all of them work when it is back', async () => {
    await redis.kill()
    await failureOf(queue.incarnation())
    const calls = [
      () => queue.enqueue(jobsOf([a])),
      () => queue.present([a]),
      () => queue.replace(jobsOf([a])),
      () => queue.abandoned(),
      () => queue.oldestWaiting(),
      () => queue.incarnation(),
      () => queue.holdsIncarnation(),
      () => queue.raiseIncarnation(undefined, 1),
      () => queue.depth(),
      () => queue.workers(),
    ]
    for (const call of calls) {
      const { error, tookMs } = await failureOf(call())
      expect(error).toMatchObject(UNAVAILABLE)
      expect(tookMs).toBeLessThan(200)
    }
    await redis.startAgain()
    await enqueueUntilDone([a])
    for (const call of calls) await call()
    expect(await queue.present([a])).toEqual([true])
  })

  // BullMQ asks the server for its version when a queue is made: a queue whose question failed stayed broken for ever.
  it('may be away when the queue is made', async () => {
    await redis.kill()
    await queue.close()
    queue = makeDeliveryQueue(connectQueue(redis.url, 'commands', makeMemoryLog()), PREFIX)
    expect((await failureOf(queue.enqueue(jobsOf([a])))).error).toMatchObject(UNAVAILABLE)
    await redis.startAgain()
    await enqueueUntilDone([a])
    expect(await queue.oldestWaiting()).toBe(a)
  })

  it('may have forgotten the scripts', async () => {
    await queue.enqueue(jobsOf(deliveryIds(10)))
    await redis.admin.script('FLUSH')
    await queue.enqueue(jobsOf(deliveryIds(10, 10)))
    expect(await queue.depth()).toBe(20)
  })
})

describe('a Redis that is frozen', () => {
  it('fails an enqueue after a second; that it was stored all the same does no harm', async () => {
    await queue.enqueue(jobsOf([a]))
    redis.freeze()
    const { error, tookMs } = await failureOf(queue.enqueue(jobsOf([b])))
    redis.thaw()
    expect(error).toMatchObject(UNAVAILABLE)
    expect(tookMs).toBeGreaterThan(900)
    expect(tookMs).toBeLessThan(1_500)
    await waitUntil(async () => (await queue.present([b]))[0], { message: 'the stored job' })
    await enqueueUntilDone([a, b])
    expect(await queue.depth()).toBe(2)
  })

  it('fails an enqueue of 1,000 jobs after a second, too', async () => {
    redis.freeze()
    const { error, tookMs } = await failureOf(queue.enqueue(jobsOf(deliveryIds(1_000))))
    redis.thaw()
    expect(error).toMatchObject(UNAVAILABLE)
    expect(tookMs).toBeLessThan(2_000)
  })
})

describe('a Redis that is full', () => {
  it('fails an enqueue; once there is room, adding all of them adds what is missing', async () => {
    const ids = deliveryIds(5_000)
    const usedBytes = Number(/used_memory:(\d+)/.exec(await redis.admin.info('memory'))?.[1])
    await redis.admin.config('SET', 'maxmemory', String(usedBytes + 1_500_000))
    expect((await failureOf(queue.enqueue(jobsOf(ids)))).error).toMatchObject(UNAVAILABLE)
    const held = (await queue.present(ids)).filter((is) => is).length
    expect(held).toBeGreaterThan(0)
    expect(held).toBeLessThan(5_000)
    await redis.admin.config('SET', 'maxmemory', '0')
    await queue.enqueue(jobsOf(ids))
    expect(await queue.depth()).toBe(5_000)
    const worker = makeHandWorker(redis)
    expect(await worker.take()).toBe(deliveryId(0))
    await worker.close()
  })
})

describe('the check of a Redis before it is used', () => {
  const open = (url = redis.url) => connectQueue(url, 'commands', makeMemoryLog())

  const check = async (url?: string) => {
    const client = open(url)
    await waitUntil(() => client.status === 'ready', { message: 'the connection' })
    return checkRedis(client).finally(() => client.disconnect())
  }

  it('passes one that never evicts', async () => {
    expect(await check()).toBe('ok')
  })

  it.each(['allkeys-lru', 'volatile-ttl'])('refuses %s by name', async (policy) => {
    await redis.admin.config('SET', 'maxmemory-policy', policy)
    await expect(check()).rejects.toMatchObject({
      name: 'BrokerError',
      message: `Redis has maxmemory-policy ${policy}, with which it drops jobs when it is full; set it to noeviction`,
    })
  })

  it('cannot tell where a managed Redis hides its configuration', async () => {
    await redis.admin.call('ACL', 'SETUSER', 'app', 'on', '>pw', '~*', '+@all', '-config')
    expect(await check(redis.url.replace('redis://', 'redis://app:pw@'))).toBe('unknown')
  })

  it('lets the broker start without a Redis that is away', async () => {
    await redis.kill()
    const client = open()
    expect(await checkRedis(client)).toBe('unreachable')
    client.disconnect()
  })
})

describe('a Redis that answers and takes no writes', () => {
  it.each([
    ['is full', ['CONFIG', 'SET', 'maxmemory', '1']],
    ['has become a replica', ['REPLICAOF', '127.0.0.1', '1']],
  ])('does not count as holding the incarnation: it %s', async (_, [command = '', ...args]) => {
    await queue.raiseIncarnation(undefined, 1)
    expect(await queue.holdsIncarnation()).toBe(true)
    await redis.admin.call(command, ...args)
    expect(await queue.incarnation()).toBe(1)
    expect((await failureOf(queue.holdsIncarnation())).error).toMatchObject(UNAVAILABLE)
  })
})
