import { describe, expect, test } from 'vitest'
import type { SweepStore } from '../../../lib/broker/ports.ts'
import { BrokerError } from '../../../lib/domain/errors.ts'
import { makeFakeDeliveryQueue } from '../../support/fakes/delivery-queue.ts'
import { makeFakeRoutingTable } from '../../support/fakes/routing-table.ts'
import { due, known, many, setUpSweep } from '../../support/sweep-kit.ts'

const budgetMs = 20_000

describe('the routing table', () => {
  test('is rebuilt for a tenant whose version is another one', async () => {
    const { sweep, routing } = await known(setUpSweep({ due: [] }))
    expect(await sweep({ budgetMs })).toMatchObject({ rebuiltTenants: 1 })
    expect(await routing.lookup('default', 'e')).toEqual({ version: 2, urls: ['http://x/'] })
  })

  test('is left alone where it is up to date', async () => {
    const { sweep, routing, state } = await known(setUpSweep({ due: [] }))
    await routing.apply({
      tenant: 'default',
      eventName: 'e',
      webhookUrl: 'http://x/',
      op: 'add',
      from: 0,
      to: 2,
    })
    expect(await sweep({ budgetMs })).toMatchObject({ rebuiltTenants: 0 })
    expect(state.snapshots).toBe(0)
  })

  test('that another sweep took over is not counted', async () => {
    const lost = { ...makeFakeRoutingTable(), rebuild: () => Promise.resolve(false) }
    const { sweep } = await known(setUpSweep({ due: [] }, { routing: lost }))
    expect(await sweep({ budgetMs })).toMatchObject({ rebuiltTenants: 0 })
  })
})

describe('a Redis that lost its memory', () => {
  test('is not told at the very first sweep, which only sets the counter', async () => {
    const set = setUpSweep({ due: [] })
    expect(await set.sweep({ budgetMs })).toMatchObject({ redisLost: false, madeDue: 0 })
    expect(await set.queue.incarnation()).toBe(1)
    expect(set.state.incarnation).toBe(1)
  })

  test('is told by a missing counter: everything becomes due, and the counter is set at the end', async () => {
    let calls = 0
    const makeDue: SweepStore['makeDue'] = (_limit, after) => {
      calls += 1
      return Promise.resolve(
        after === undefined ? { next: 'more', count: 500 } : { next: undefined, count: 20 },
      )
    }
    const set = setUpSweep({ due: many(3), makeDue, incarnation: 7 })
    const run = set.sweep({ budgetMs })
    await set.clock.advance(249)
    expect(calls).toBe(1)
    await set.clock.advance(1)
    expect(await run).toMatchObject({ redisLost: true, madeDue: 520, requeued: 3 })
    expect(await set.queue.incarnation()).toBe(8)
    expect(set.state.incarnation).toBe(8)
    expect(set.log.of('sweep.redis_lost')).toEqual([{ inRedis: null, inPostgres: 7 }])
  })

  test('is told by a lower counter, after a failover', async () => {
    const set = setUpSweep({ due: [], incarnation: 7 })
    await set.queue.raiseIncarnation(undefined, 5)
    expect(await set.sweep({ budgetMs })).toMatchObject({ redisLost: true })
    expect(await set.queue.incarnation()).toBe(8)
  })

  test('is not told where the counter stands', async () => {
    const set = setUpSweep({ due: [], incarnation: 7 })
    await set.queue.raiseIncarnation(undefined, 7)
    expect(await set.sweep({ budgetMs })).toMatchObject({ redisLost: false })
    expect(await set.queue.incarnation()).toBe(8)
  })

  // Two sweeps at once: the counters were read together, one of them before and one after the other sweep raised both,
  // and a Redis that had lost nothing was reported as emptied.
  test('is not told by a sweep that another one overtakes between its two questions', async () => {
    const held = makeFakeDeliveryQueue()
    const overtaken = {
      ...held,
      incarnation: () => {
        const before = held.incarnation()
        void held.raiseIncarnation(7, 8)
        set.state.incarnation = 8
        return before
      },
    }
    await held.raiseIncarnation(undefined, 7)
    const set = setUpSweep({ due: [], incarnation: 7 }, { queue: overtaken })
    expect(await set.sweep({ budgetMs })).toMatchObject({ redisLost: false })
    expect(set.log.of('sweep.redis_lost')).toEqual([])
  })

  test('and loses it again during the repair is repaired again by the next sweep', async () => {
    const set = setUpSweep({
      due: [],
      incarnation: 7,
      makeDue: () => {
        set.queue.clear()
        return Promise.resolve({ next: undefined, count: 0 })
      },
    })
    await set.sweep({ budgetMs })
    expect(await set.queue.incarnation()).toBeUndefined()
    expect(set.state.incarnation).toBe(7)
  })

  test('is not counted as repaired while time was too short', async () => {
    const set = setUpSweep({
      due: [],
      incarnation: 7,
      makeDue: () => Promise.resolve({ next: 'more', count: 0 }),
    })
    await set.sweep({ budgetMs: 0 })
    expect(await set.queue.incarnation()).toBeLessThan(0)
    expect(set.state.incarnation).toBe(7)
  })

  test('is repaired from where the time budget ended the last run', async () => {
    const asked: (string | undefined)[] = []
    const set = setUpSweep({
      due: [],
      incarnation: 7,
      makeDue: (_limit, after) => {
        asked.push(after)
        return Promise.resolve({ next: after === undefined ? 'half' : undefined, count: 0 })
      },
    })
    await set.sweep({ budgetMs: 0 })
    expect(await set.sweep({ budgetMs })).toMatchObject({ redisLost: true })
    expect(asked).toEqual([undefined, 'half'])
    expect(await set.queue.incarnation()).toBe(8)
  })

  test('and loses it again between two runs is repaired from the beginning', async () => {
    const asked: (string | undefined)[] = []
    const set = setUpSweep({
      due: [],
      incarnation: 7,
      makeDue: (_limit, after) => {
        asked.push(after)
        return Promise.resolve({ next: after === undefined ? 'half' : undefined, count: 0 })
      },
    })
    await set.sweep({ budgetMs: 0 })
    set.queue.clear()
    await set.sweep({ budgetMs })
    expect(asked).toEqual([undefined, undefined, 'half'])
    expect(await set.queue.incarnation()).toBe(8)
  })

  test('is left to the sweep that saw it first', async () => {
    const queue = { ...makeFakeDeliveryQueue(), raiseIncarnation: () => Promise.resolve(false) }
    const set = setUpSweep({ due: [], incarnation: 7 }, { queue })
    expect(await set.sweep({ budgetMs })).toMatchObject({ redisLost: true, madeDue: 0 })
    expect(set.state.incarnation).toBe(7)
  })
})

describe('without Redis', () => {
  test('a broker that never had one still repairs leases', async () => {
    const { sweep, state } = setUpSweep(
      { due: [due('dlv_a', { finding: 'expired_lease' })] },
      { queue: undefined, routing: undefined },
    )
    expect(await sweep({ budgetMs })).toMatchObject({
      redis: 'none',
      found: { expired_lease: 1 },
      replaced: 0,
    })
    expect(state.finished).toBe(1)
  })

  test('a queue without a routing table rebuilds nothing', async () => {
    const { sweep } = await known(setUpSweep({ due: [] }, { routing: undefined }))
    expect(await sweep({ budgetMs })).toMatchObject({ rebuiltTenants: 0, redis: 'ok' })
  })

  test('a Redis that does not answer is reported, and the run goes on', async () => {
    const away = () => Promise.reject(new BrokerError('queue_unavailable', 'no'))
    const queue = { ...makeFakeDeliveryQueue(), incarnation: away }
    const { sweep, log, state } = setUpSweep({ due: [due('dlv_a')] }, { queue })
    expect(await sweep({ budgetMs })).toMatchObject({
      redis: 'unavailable',
      found: { unqueued: 1 },
      requeued: 0,
    })
    expect(log.of('sweep.redis_unavailable')).toHaveLength(1)
    expect(state.finished).toBe(1)
  })
})

describe('a queue past its high-water mark', () => {
  test('gets one batch a run, and what is left stays due', async () => {
    const full = { value: true }
    const queue = {
      ...makeFakeDeliveryQueue(),
      isFull: () => Promise.resolve(full.value),
    }
    const { sweep } = await known(setUpSweep({ due: many(1_200) }, { queue }))
    await queue.raiseIncarnation(undefined, 1)
    expect(await sweep({ budgetMs })).toMatchObject({ requeued: 500, complete: false })
    full.value = false
    expect(await sweep({ budgetMs })).toMatchObject({ requeued: 700, complete: true })
  })
})

describe('webhooks whose waiting deliveries nobody brings back', () => {
  test('are woken, and what was let go is enqueued', async () => {
    const stuck = [{ deliveryId: 'dlv_a', generation: 1 }]
    const { sweep, queue } = await known(setUpSweep({ due: [], stuck }))
    expect(await sweep({ budgetMs })).toMatchObject({ woken: 1 })
    expect(queue.waiting()).toEqual(['dlv_a'])
  })

  test('are woken without Redis as well: it is due in Postgres', async () => {
    const stuck = [{ deliveryId: 'dlv_a', generation: 1 }]
    const { sweep } = setUpSweep({ due: [], stuck }, { queue: undefined, routing: undefined })
    expect(await sweep({ budgetMs })).toMatchObject({ woken: 1, redis: 'none' })
  })
})
