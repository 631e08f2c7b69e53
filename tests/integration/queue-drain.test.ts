// Jobs taken by hand in a bounded run, on a real Redis: until there is none or the time is over, and nothing is left.

import type { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobSource, JobVerdict } from '../../lib/broker/ports.ts'
import { BrokerError } from '../../lib/domain/errors.ts'
import { makeJobSource } from '../../lib/queue/drain.ts'
import { connectQueue } from '../../lib/queue/options.ts'
import { names, PREFIX } from '../support/queue-kit.ts'
import { deliveryId, deliveryIds, jobsOf, makeMemoryLog } from '../support/redis-kit.ts'
import { waitUntil } from '../support/wait.ts'
import { DONE, makeGate, startWorkerKit, type WorkerKit } from '../support/worker-kit.ts'

const [a, b, c] = [deliveryId(1), deliveryId(2), deliveryId(3)]
const always = () => true

let kit: WorkerKit
let connection: Redis
let jobs: JobSource
let told: number

beforeEach(async () => {
  kit = await startWorkerKit()
  const log = makeMemoryLog()
  connection = connectQueue(kit.redis.url, 'commands', log)
  await waitUntil(() => connection.status === 'ready', { message: 'the connection' })
  told = 0
  jobs = makeJobSource(
    connection,
    { prefix: PREFIX, concurrency: 10, attemptMs: 30_000 },
    { onTold: () => (told += 1), nowMs: Date.now, log },
  )
})

afterEach(async () => {
  connection.disconnect()
  await kit.close()
})

const takeAll = (
  attempt: (id: string) => JobVerdict | Promise<JobVerdict>,
  mayTake: () => boolean = always,
) => jobs.takeAll({ attempt: async (id) => attempt(id), mayTake })

describe('a run', () => {
  it('attempts every waiting delivery once and leaves nothing in Redis', async () => {
    const ids = deliveryIds(250)
    await kit.queue.enqueue(jobsOf(ids))
    const attempted: string[] = []
    const taken = await takeAll((id) => {
      attempted.push(id)
      return DONE
    })
    expect(taken).toEqual({ taken: 250, end: 'empty' })
    expect(attempted.sort()).toEqual(ids)
    expect(told).toBe(250)
    expect(await kit.queue.depth()).toBe(0)
    expect(await kit.redis.admin.llen(names.active)).toBe(0)
  })

  it('attempts as many at once as it may, and not one more', async () => {
    await kit.queue.enqueue(jobsOf(deliveryIds(40)))
    let now = 0
    let most = 0
    await takeAll(async () => {
      now += 1
      most = Math.max(most, now)
      // Until ten stand side by side, or all jobs are taken.
      await waitUntil(() => most === 10, { message: 'ten attempts at once' })
      now -= 1
      return DONE
    })
    expect(most).toBe(10)
  })

  it('puts a retry and an early job back for as long as the log says', async () => {
    await kit.queue.enqueue(jobsOf([a, b]))
    const nowMs = Date.now()
    const taken = await takeAll((id) =>
      id === a
        ? { kind: 'retry', delayMs: 60_000, generation: 1 }
        : { kind: 'later', delayMs: 90_000 },
    )
    expect(taken).toEqual({ taken: 2, end: 'empty' })
    const dueMs = async (id: string) =>
      Number(await kit.redis.admin.zscore(`${names.bullPrefix}:${names.queue}:delayed`, id)) /
      0x1000
    expect(await dueMs(a)).toBeGreaterThanOrEqual(nowMs + 60_000)
    expect(await dueMs(a)).toBeLessThan(nowMs + 75_000)
    expect(await dueMs(b)).toBeGreaterThanOrEqual(nowMs + 90_000)
    expect(await dueMs(b)).toBeLessThan(nowMs + 105_000)
  })

  it('takes a retry whose time has come', async () => {
    await kit.queue.enqueue(jobsOf([a]))
    let attempts = 0
    const once = () =>
      takeAll(() => {
        attempts += 1
        return attempts === 1 ? { kind: 'retry', delayMs: 1, generation: 1 } : DONE
      })
    await waitUntil(async () => (await once()).taken > 0 && attempts === 2, {
      message: 'the second attempt',
    })
    expect(await kit.queue.present([a])).toEqual([false])
  })

  it('takes no more once the time is over, but attempts what it had asked for, and waits for it', async () => {
    await kit.queue.enqueue(jobsOf([a, b, c]))
    const gate = makeGate()
    let over = false
    let ended = false
    const attempted: string[] = []
    const run = takeAll(
      async (id) => {
        attempted.push(id)
        over = true
        await gate.opened
        return DONE
      },
      () => !over,
    ).finally(() => (ended = true))
    await waitUntil(() => attempted.length > 0, { message: 'an attempt' })
    expect(ended).toBe(false)
    gate.open()
    expect(await run).toEqual({ taken: 2, end: 'time' })
    expect(attempted).toEqual([a, b])
    expect(await kit.queue.present([a, b, c])).toEqual([false, false, true])
    expect(await kit.redis.admin.llen(names.active)).toBe(0)
  })

  it('gives a job back that Postgres could not claim, and ends', async () => {
    await kit.queue.enqueue(jobsOf([a, b]))
    const taken = await takeAll(() => {
      throw new BrokerError('log_unavailable', 'no Postgres')
    })
    expect(taken.end).toBe('log_unavailable')
    expect(await kit.queue.present([a, b])).toEqual([true, true])
    expect(await kit.redis.admin.llen(names.active)).toBe(0)
    // The control: the next run gets both.
    const attempted = new Set<string>()
    await waitUntil(
      async () => {
        await takeAll((id) => {
          attempted.add(id)
          return DONE
        })
        return attempted.size === 2
      },
      { message: 'both in a later run' },
    )
  })

  it('gives a job that a fault of ours hit 30 seconds, and goes on with the next', async () => {
    await kit.queue.enqueue(jobsOf([a, b]))
    const taken = await takeAll((id) => {
      if (id === a) throw new Error('a fault')
      return DONE
    })
    expect(taken).toEqual({ taken: 2, end: 'empty' })
    expect(await kit.queue.present([a, b])).toEqual([true, false])
  })

  // The claim decides whether there is anything to attempt (crash table, 18).
  it('attempts an id whose hash is gone, which a split brain leaves, and leaves nothing of it', async () => {
    await kit.queue.enqueue(jobsOf([a, b]))
    await kit.redis.admin.del(names.job(a))
    const attempted: string[] = []
    await takeAll((id) => {
      attempted.push(id)
      return DONE
    })
    expect(attempted.sort()).toEqual([a, b])
    expect(await kit.queue.present([a, b])).toEqual([false, false])
    expect(await kit.redis.admin.llen(names.active)).toBe(0)
  })
})

describe('a Redis that goes away during a run', () => {
  it.each(['killed', 'frozen'] as const)('is reported within seconds: %s', async (how) => {
    await kit.queue.enqueue(jobsOf([a]))
    const startedMs = performance.now()
    const taken = await takeAll(async () => {
      if (how === 'killed') await kit.redis.kill()
      else kit.redis.freeze()
      return DONE
    })
    expect(taken).toEqual({ taken: 1, end: 'queue_unavailable' })
    expect(performance.now() - startedMs).toBeLessThan(6_000)
  })
})
