// A real worker whose Redis is emptied, killed, frozen, full or cut off: it neither dies nor needs help.

import { afterEach, describe, expect, it } from 'vitest'
import type { JobVerdict } from '../../lib/broker/ports.ts'
import { startDirect } from '../../lib/queue/direct.ts'
import { makeFailover } from '../../lib/queue/failover.ts'
import { deliveryId, deliveryIds, jobsOf } from '../support/redis-kit.ts'
import { startRelay } from '../support/relay.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { waitUntil } from '../support/wait.ts'
import {
  DONE,
  makeGate,
  makeQuickClock,
  startWorkerKit,
  type WorkerKit,
} from '../support/worker-kit.ts'

const [a, b, c] = [deliveryId(1), deliveryId(2), deliveryId(3)]

let kit: WorkerKit

afterEach(() => kit.close())

const enqueue = (...ids: string[]) =>
  waitUntil(
    () =>
      kit.queue.enqueue(jobsOf(ids)).then(
        () => true,
        () => false,
      ),
    { message: 'an enqueue that succeeds' },
  )

describe('FLUSHALL', () => {
  it.each<JobVerdict>([
    DONE,
    { kind: 'retry', delayMs: 50, generation: 1 },
    { kind: 'later', delayMs: 50 },
  ])(
    'during an attempt that ends with %o: the worker takes the next job all the same',
    async (verdict) => {
      kit = await startWorkerKit()
      const gate = makeGate()
      kit.work((id) => (id === a ? gate.opened.then(() => verdict) : DONE), { concurrency: 1 })
      await enqueue(a)
      await kit.attempted(a)
      await kit.redis.admin.flushall()
      gate.open()
      await enqueue(b)
      await kit.gone(b)
      expect(kit.attemptsOf(a)).toHaveLength(1)
      expect(await kit.queue.depth()).toBe(0)
    },
  )

  // Why the claim in Postgres decides, and not BullMQ: a job that is added again runs beside its first run.
  it('and an add during an attempt make a second one at the same time', async () => {
    kit = await startWorkerKit()
    const gate = makeGate()
    kit.work(() => gate.opened.then(() => DONE))
    await enqueue(a)
    await kit.attempted(a)
    await kit.redis.admin.flushall()
    await enqueue(a)
    await kit.attempted(a, 2)
    gate.open()
    await enqueue(b)
    await kit.gone(b)
    await kit.gone(a)
  })

  it('during an attempt longer than the lock is survived by the lock renewal', async () => {
    kit = await startWorkerKit()
    const gate = makeGate()
    kit.work((id) => (id === a ? gate.opened.then(() => DONE) : DONE), { attemptMs: 200 })
    await enqueue(a)
    await kit.attempted(a)
    await kit.redis.admin.flushall()
    await waitUntil(() => kit.log.events().includes('queue.worker_error'), {
      message: 'the failed renewal',
    })
    gate.open()
    await enqueue(b)
    await kit.gone(b)
  })
})

describe('a Redis that is killed', () => {
  it('and comes back empty: the worker takes new jobs without help', async () => {
    kit = await startWorkerKit()
    const states: string[] = []
    kit.work(() => DONE, { onConnection: (state) => states.push(state) })
    await enqueue(a)
    await kit.gone(a)
    await kit.redis.kill()
    await waitUntil(() => states.filter((state) => state === 'failed').length >= 3, {
      message: 'three failures',
    })
    await kit.redis.startAgain()
    await enqueue(b)
    await kit.gone(b)
    expect(kit.attempts.map(({ id }) => id)).toEqual([a, b])
  })

  it('during an attempt, and comes back with its data: nothing stays behind', async () => {
    kit = await startWorkerKit('aof')
    const gate = makeGate()
    kit.work((id) => (id === a ? gate.opened.then(() => DONE) : DONE))
    await enqueue(a)
    await kit.attempted(a)
    await kit.redis.kill()
    gate.open()
    await kit.redis.startAgain()
    await kit.gone(a)
    expect(kit.attemptsOf(a)).toHaveLength(1)
    await enqueue(b)
    await kit.gone(b)
  })

  // O-QUEUE-3 (c): each within its backoff and a small margin, with no restart by hand. For longer than a wait for a job may be late.
  it('for 1.5 s while 20 jobs are in backoff, and comes back with its data: each runs when it is due', async () => {
    kit = await startWorkerKit('aof')
    const ids = deliveryIds(20, 100)
    const dueAtMs = new Map<string, number>()
    kit.work((id) => {
      if (kit.attemptsOf(id).length > 1) return DONE
      const delayMs = 2_000 + 50 * Number(id.slice(-2))
      dueAtMs.set(id, performance.now() + delayMs)
      return { kind: 'retry', delayMs, generation: 1 }
    })
    await enqueue(...ids)
    await waitUntil(
      async () => (await kit.redis.admin.zcard('{broker}:deliveries:delayed')) === 20,
      {
        message: '20 jobs in backoff',
      },
    )
    const killedAtMs = performance.now()
    await kit.redis.kill()
    await waitUntil(() => performance.now() - killedAtMs >= 1_500, { message: '1.5 s' })
    await kit.redis.startAgain()
    // On a slow machine some may be due before it is back.
    const backAtMs = performance.now()
    await Promise.all(ids.map((id) => kit.attempted(id, 2)))
    for (const id of ids) {
      const dueMs = dueAtMs.get(id) ?? 0
      const ranAtMs = kit.attemptsOf(id)[1]?.atMs ?? 0
      expect(ranAtMs - dueMs).toBeGreaterThan(-5)
      expect(ranAtMs - Math.max(dueMs, backAtMs)).toBeLessThan(1_000)
    }
  })
})

describe('a connection that is cut', () => {
  it('loses no job: what waits is taken when it is back, and what was under way ends', async () => {
    kit = await startWorkerKit()
    const proxy = await startProxy({ port: kit.redis.port })
    const gate = makeGate()
    kit.work((id) => (id === a ? gate.opened.then(() => DONE) : DONE), {
      redisUrl: `redis://127.0.0.1:${proxy.port}`,
    })
    await enqueue(a)
    await kit.attempted(a)
    proxy.reset()
    await enqueue(b)
    gate.open()
    proxy.heal()
    await kit.gone(a)
    await kit.gone(b)
    expect(kit.attempts.map(({ id }) => id).toSorted()).toEqual([a, b])
    await proxy.close()
  })

  it('or goes silent is replaced after ten seconds', async () => {
    kit = await startWorkerKit()
    const relay = await startRelay(kit.redis.port)
    const gate = makeGate()
    kit.work((id) => (id === a ? gate.opened.then(() => DONE) : DONE), {
      redisUrl: `redis://127.0.0.1:${relay.port}`,
      concurrency: 1,
    })
    await enqueue(a)
    await kit.attempted(a)
    // The answers of the connections that stand now get lost, and no socket ever says so.
    relay.silence()
    gate.open()
    const gone = (id: string) =>
      waitUntil(async () => (await kit.queue.present([id]))[0] === false, {
        timeoutMs: 20_000,
        message: `${id} gone, over a new connection`,
      })
    // The end of the first job needs those ten seconds, too: Redis has not seen its script yet, and says so in vain.
    await gone(a)
    await enqueue(b)
    await gone(b)
    relay.close()
  })
})

describe('a Redis that is full', () => {
  // BullMQ asks again at once: 30,000 commands a second, and a log line for each two of them, were measured.
  it('is asked about once a second by a worker, which goes on when there is room', async () => {
    kit = await startWorkerKit()
    const { clock, waits } = makeQuickClock()
    await enqueue(...deliveryIds(5))
    await kit.redis.admin.config('SET', 'maxmemory', '1mb')
    await kit.redis.admin.config('RESETSTAT')
    kit.work(() => DONE, { clock })
    await waitUntil(() => waits.length >= 20, { message: '20 rests' })
    const calls = /cmdstat_eval(?:sha)?:calls=(\d+)/g
    const stats = await kit.redis.admin.info('commandstats')
    const scripts = [...stats.matchAll(calls)].reduce((sum, [, n]) => sum + Number(n), 0)
    expect(waits.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 1_000))
    expect(scripts).toBeLessThan(100)
    expect(kit.log.events().filter((event) => event === 'queue.worker_error').length).toBeLessThan(
      3,
    )
    await kit.redis.admin.config('SET', 'maxmemory', '0')
    await Promise.all(deliveryIds(5).map(kit.gone))
  })
})

describe('a Redis that is frozen', () => {
  it('makes the worker deliver from Postgres until it answers again', async () => {
    kit = await startWorkerKit()
    await kit.queue.raiseIncarnation(undefined, 1)
    const { clock } = makeQuickClock()
    let due = [c]
    const direct = startDirect({
      claimDue: () => {
        const claims = due.map((deliveryId) => ({ deliveryId }) as never)
        due = []
        return Promise.resolve({ claims, startedMs: 0, needTurn: [] })
      },
      run: ({ deliveryId }) => Promise.resolve(delivered.push(deliveryId)),
      runInTurn: () => Promise.resolve(),
      concurrency: 10,
      pollMs: 500,
      clock,
      log: kit.log,
    })
    const delivered: string[] = []
    const failover = makeFailover({
      direct,
      holdsIncarnation: kit.queue.holdsIncarnation,
      heartbeatMs: 120_000,
      clock,
      log: kit.log,
    })
    kit.work(() => DONE, { onConnection: failover.onConnection })
    await enqueue(a)
    await kit.gone(a)
    expect(delivered).toEqual([])
    kit.redis.freeze()
    await waitUntil(() => delivered.length === 1, { message: 'a delivery from Postgres' })
    kit.redis.thaw()
    await waitUntil(() => kit.log.events().includes('dispatcher.queue'), {
      message: 'the way back',
    })
    await enqueue(b)
    await kit.gone(b)
    expect(delivered).toEqual([c])
    failover.close()
    await direct.close()
  })
})
