// The sweep where QStash dispatches: what is due is handed over once more, whatever QStash may hold.

import { expect, test } from 'vitest'
import type { HandOver } from '../../../lib/broker/ports.ts'
import { due, many, setUpSweep } from '../../support/sweep-kit.ts'

const budgetMs = 20_000

const publishing = (refuses = false) => {
  const published: Parameters<HandOver>[0][number][] = []
  let requests = 0
  return {
    published,
    requests: () => requests,
    publish: (deliveries: Parameters<HandOver>[0]) => {
      requests += 1
      if (refuses) return Promise.reject(new Error('QStash is away'))
      published.push(...deliveries)
      return Promise.resolve()
    },
  }
}
const withQstash = (publish: HandOver) => ({ queue: undefined, routing: undefined, publish })

test('what nobody has attempted and what a dead function left is published in its new generation', async () => {
  const { published, publish } = publishing()
  const findings = ['in_flight', 'cancelled', 'crash_budget', 'parked'] as const
  const { sweep } = setUpSweep(
    {
      due: [
        due('dlv_a', { generation: 4 }),
        due('dlv_b', { finding: 'expired_lease', delayMs: 1_000, generation: 2 }),
        ...findings.map((finding) => due(`dlv_${finding}`, { finding })),
      ],
    },
    withQstash(publish),
  )
  expect(await sweep({ budgetMs })).toMatchObject({
    requeued: 2,
    probed: 0,
    replaced: 0,
    redis: 'none',
    qstash: 'ok',
    complete: true,
  })
  expect(published).toMatchObject([
    { deliveryId: 'dlv_a', generation: 4, delayMs: 0 },
    { deliveryId: 'dlv_b', generation: 2, delayMs: 1_000 },
  ])
  expect(published).toHaveLength(2)
})

test('what waited for a webhook that nobody brings back is published, too', async () => {
  const { published, publish } = publishing()
  const stuck = [{ deliveryId: 'dlv_s', generation: 7 }]
  const { sweep } = setUpSweep({ due: [], stuck }, withQstash(publish))
  expect(await sweep({ budgetMs })).toMatchObject({ woken: 1, requeued: 0, qstash: 'ok' })
  expect(published).toEqual([{ deliveryId: 'dlv_s', generation: 7, delayMs: 0 }])
})

test('nothing due asks nothing of QStash', async () => {
  const { publish, requests } = publishing()
  const { sweep } = setUpSweep({ due: [due('dlv_a', { finding: 'parked' })] }, withQstash(publish))
  expect(await sweep({ budgetMs })).toMatchObject({ requeued: 0, qstash: 'ok' })
  expect(requests()).toBe(0)
})

test('a QStash that is away ends the run after a batch: what is not taken stays due, and is not pushed', async () => {
  const { publish, requests } = publishing(true)
  const stuck = [{ deliveryId: 'dlv_s', generation: 1 }]
  const { sweep, log, state } = setUpSweep({ due: many(1_200), stuck }, withQstash(publish))
  expect(await sweep({ budgetMs })).toMatchObject({
    found: { unqueued: 500 },
    requeued: 0,
    qstash: 'unavailable',
    complete: false,
  })
  expect(requests()).toBe(1)
  expect(log.of('sweep.publish_failed')).toMatchObject([{ deliveries: 500 }])
  expect(state.finished).toBe(1)
})

test('Redis and QStash fail each on their own: the routing table is rebuilt while QStash is away', async () => {
  const { publish } = publishing(true)
  const { sweep } = setUpSweep({ due: [due('dlv_a')] }, { queue: undefined, publish })
  expect(await sweep({ budgetMs })).toMatchObject({ redis: 'ok', qstash: 'unavailable' })
})

test('without QStash there is no such dispatcher', async () => {
  const { sweep } = setUpSweep({ due: [] })
  expect(await sweep({ budgetMs })).toMatchObject({ qstash: 'none' })
})
