// A real worker on a real Redis: what it does with a verdict, with faults of ours, with jobs that are none.

import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BrokerError } from '../../lib/domain/errors.ts'
import { names } from '../support/queue-kit.ts'
import { deliveryId, deliveryIds, jobsOf } from '../support/redis-kit.ts'
import { waitUntil } from '../support/wait.ts'
import {
  DONE,
  makeGate,
  makeQuickClock,
  startWorkerKit,
  type WorkerKit,
} from '../support/worker-kit.ts'

const [a, b] = [deliveryId(1), deliveryId(2)]

let kit: WorkerKit

beforeEach(async () => {
  kit = await startWorkerKit()
})

afterEach(() => kit.close())

describe('a verdict', () => {
  it('`done` leaves nothing of the job', async () => {
    kit.work(() => DONE)
    await kit.queue.enqueue(jobsOf([a]))
    await kit.gone(a)
    expect(kit.attempts.map(({ id }) => id)).toEqual([a])
    expect(await kit.queue.abandoned()).toEqual([])
  })

  it('`retry` brings the job back after its delay, each time after the one that was asked for', async () => {
    const delays = [300, 50, 700]
    kit.work((id) => {
      const delayMs = delays[kit.attemptsOf(id).length - 1]
      return delayMs === undefined ? DONE : { kind: 'retry', delayMs, generation: 1 }
    })
    await kit.queue.enqueue(jobsOf([a]))
    await kit.gone(a)
    const times = kit.attemptsOf(a).map(({ atMs }) => atMs)
    const gaps = times.slice(1).map((atMs, n) => atMs - (times[n] ?? 0))
    expect(gaps).toHaveLength(3)
    for (const [n, gapMs] of gaps.entries()) {
      // BullMQ compares whole milliseconds of two clocks.
      expect(gapMs).toBeGreaterThan((delays[n] ?? 0) - 5)
      expect(gapMs).toBeLessThan((delays[n] ?? 0) + 400)
    }
  })

  it('`retry` at once and 200 times is never counted against the job', async () => {
    kit.work((id) =>
      kit.attemptsOf(id).length <= 200 ? { kind: 'retry', delayMs: 0, generation: 1 } : DONE,
    )
    await kit.queue.enqueue(jobsOf([a]))
    await kit.gone(a)
    expect(kit.attemptsOf(a)).toHaveLength(201)
  })

  it('`later` brings the job back after its delay', async () => {
    kit.work((id) => (kit.attemptsOf(id).length === 1 ? { kind: 'later', delayMs: 300 } : DONE))
    await kit.queue.enqueue(jobsOf([a]))
    await kit.gone(a)
    const [first, second] = kit.attemptsOf(a)
    const gapMs = (second?.atMs ?? 0) - (first?.atMs ?? 0)
    expect(gapMs).toBeGreaterThan(295)
    expect(gapMs).toBeLessThan(700)
  })

  it('`later` of 10 minutes keeps the job, delayed until then', async () => {
    kit.work(() => ({ kind: 'later', delayMs: 600_000 }))
    await kit.queue.enqueue(jobsOf([a]))
    const score = await waitUntil(
      async () => (await kit.redis.admin.zscore(names.job('delayed'), a)) ?? undefined,
      { message: 'the delayed job' },
    )
    // BullMQ keeps the time in the upper bits of the score.
    const inMs = Number(score) / 0x1000 - Date.now()
    expect(inMs).toBeGreaterThan(595_000)
    expect(inMs).toBeLessThan(600_100)
  })
})

describe('a fault of ours', () => {
  // It was kept for ever once: a worker that alone could not reach Postgres held its jobs back from all others.
  it('while Postgres is away keeps the job for 1, 2 and 4 s, then gives it back and takes none for 30 s', async () => {
    const { clock, waits } = makeQuickClock()
    kit.work(
      (id) => {
        if (kit.attemptsOf(id).length <= 7) throw new BrokerError('log_unavailable', 'no Postgres')
        return DONE
      },
      { clock },
    )
    await kit.queue.enqueue(jobsOf([a]))
    await kit.gone(a)
    expect(waits).toEqual([1_000, 2_000, 4_000, 30_000, 1_000, 2_000, 4_000])
    expect(kit.attemptsOf(a)).toHaveLength(8)
  })

  it('of any other kind puts the job off for 30 s and stops nobody else', async () => {
    kit.work((id) => {
      if (id === a) throw new TypeError('a fault')
      return DONE
    })
    await kit.queue.enqueue(jobsOf([a, b]))
    await kit.gone(b)
    const score = await waitUntil(
      async () => (await kit.redis.admin.zscore(names.job('delayed'), a)) ?? undefined,
      { message: 'the delayed job' },
    )
    const inMs = Number(score) / 0x1000 - Date.now()
    expect(inMs).toBeGreaterThan(25_000)
    expect(inMs).toBeLessThan(30_100)
    expect(kit.log.lines).toMatchObject([{ event: 'attempt.failed', fields: { deliveryId: a } }])
  })
})

describe('a job that is none', () => {
  it('is dropped when its id is no delivery, and leaves nothing', async () => {
    await kit.redis.admin.lpush(names.waiting, 'garbage')
    kit.work(() => DONE)
    await kit.queue.enqueue(jobsOf([a]))
    await kit.gone(a)
    expect(kit.attempts.map(({ id }) => id)).toEqual([a])
    expect(await kit.redis.admin.exists(names.job('garbage'), names.lock('garbage'))).toBe(0)
  })

  // What a split brain leaves behind. The claim decides, so attempting it is safe; what must not be is that something
  // is kept under its id, which would swallow the sweep's add.
  it.each(['done', 'retry', 'later'] as const)(
    'but an id without a hash is attempted, and after `%s` its id can be added',
    async (kind) => {
      await kit.redis.admin.lpush(names.waiting, a)
      await kit.redis.admin.zadd(names.job('marker'), 0, '0')
      const worker = kit.work((id) =>
        id !== a || kit.attemptsOf(a).length > 1
          ? DONE
          : { kind, delayMs: kind === 'retry' ? 0 : 50, generation: 1 },
      )
      await kit.attempted(a)
      await kit.queue.enqueue(jobsOf([b]))
      await kit.gone(b)
      await kit.gone(a)
      const before = kit.attemptsOf(a).length
      await kit.queue.enqueue(jobsOf([a]))
      await kit.attempted(a, before + 1)
      await worker.close(1_000)
      expect(await kit.queue.depth()).toBe(0)
    },
  )
})

describe('a lock', () => {
  it('outlives the longest attempt', async () => {
    const gate = makeGate()
    kit.work(() => gate.opened.then(() => DONE), { attemptMs: 20_000 })
    await kit.queue.enqueue(jobsOf([a]))
    await kit.attempted(a)
    expect(await kit.redis.admin.pttl(names.lock(a))).toBeGreaterThan(20_000)
    gate.open()
    await kit.gone(a)
  })

  it('is renewed while an attempt lasts longer than it does', async () => {
    const gate = makeGate()
    kit.work(() => gate.opened.then(() => DONE), { attemptMs: 200 })
    await kit.queue.enqueue(jobsOf([a]))
    await kit.attempted(a)
    await waitUntil(() => performance.now() - (kit.attempts[0]?.atMs ?? 0) > 3_000, {
      message: 'more than two lives of the lock',
    })
    expect(await kit.queue.abandoned()).toEqual([])
    gate.open()
    await kit.gone(a)
    expect(kit.attempts).toHaveLength(1)
  })
})

describe('a worker with free slots', () => {
  it('makes as many attempts at once as it may, and not one more', async () => {
    const gate = makeGate()
    let atOnce = 0
    let most = 0
    kit.work(
      async () => {
        atOnce += 1
        most = Math.max(most, atOnce)
        await gate.opened
        atOnce -= 1
        return DONE
      },
      { concurrency: 7 },
    )
    await kit.queue.enqueue(jobsOf(deliveryIds(30)))
    await waitUntil(() => atOnce === 7, { message: 'seven at once' })
    gate.open()
    await waitUntil(async () => (await kit.queue.depth()) === 0, { message: 'an empty queue' })
    expect(most).toBe(7)
  })

  it('is counted as connected, until it is closed', async () => {
    const worker = kit.work(() => DONE)
    await waitUntil(async () => (await kit.queue.workers()) === 1, { message: 'one worker' })
    await worker.close(1_000)
    await waitUntil(async () => (await kit.queue.workers()) === 0, { message: 'no worker' })
  })
})

describe('an idle worker', () => {
  it('sends Redis nothing while it waits, and is woken by a job at once', async () => {
    kit.work(() => DONE)
    await kit.queue.enqueue(jobsOf([a]))
    await kit.gone(a)
    const monitor = await new Redis(kit.redis.url).monitor()
    const seen: string[] = []
    monitor.on('monitor', (_time: string, args: string[]) => seen.push(args.join(' ')))
    // BullMQ's default asks every five seconds.
    await waitUntil(() => performance.now() - (kit.attempts[0]?.atMs ?? 0) > 6_000, {
      message: 'six idle seconds',
    })
    expect(seen.filter((command) => !command.startsWith('exists'))).toEqual([])
    const startedMs = performance.now()
    await kit.queue.enqueue(jobsOf([b]))
    await kit.attempted(b)
    expect((kit.attemptsOf(b)[0]?.atMs ?? 0) - startedMs).toBeLessThan(200)
    monitor.disconnect()
  })
})
