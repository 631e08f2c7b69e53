// O-LOG-1: rows were judged lost by their age; jobs that still waited, were in backoff or in the air were sent again, and
// two sweeps picked the same rows. Here the sweep asks after 300 ms, every 100 ms, and everything takes longer than that.

import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'
import { logged, startBroker, type Broker } from './support.ts'

let broker: Broker
let receiver: Receiver

beforeAll(async () => {
  ;[broker, receiver] = await Promise.all([
    startBroker({
      env: {
        BROKER_SWEEP_INTERVAL_MS: '100',
        BROKER_DELIVERY_TIMEOUT_MS: '5000',
        // The first delay leaves room for eight sweeps on a busy machine.
        BROKER_RETRY_SCHEDULE: '4s,30s',
      },
    }),
    startReceiver(),
  ])
})
beforeEach(() => {
  receiver.received.length = 0
  receiver.answer = 200
})
afterAll(() => Promise.all([broker.stop(), receiver.close()]))

const sweeps = () => logged(broker.sweep, 'sweep.finished')

/** Waits until so many more sweeps have ended. */
const untilSwept = async (more: number) => {
  const before = sweeps().length
  await waitUntil(() => sweeps().length >= before + more, { message: `${more} sweeps` })
}

/** Jobs that the sweep has added since the start: in all of these cases nothing is missing. */
const requeued = () =>
  sweeps().reduce((sum, line) => sum + Number(line['requeued']) + Number(line['replaced']), 0)

/** Another event, accepted later and delivered by the same worker. */
const expectControl = async (eventName: string) => {
  const control = await startReceiver()
  await broker.register(eventName, `${control.url}/control`)
  const { messageId } = await broker.trigger(eventName)
  await broker.untilAll(messageId, 'delivered')
  await control.close()
}

test('(a) a receiver that takes longer than the sweep waits is asked once', async () => {
  let answerIt = () => {}
  receiver.answer = (_request, response) => {
    answerIt = () => void response.writeHead(200).end()
  }
  await broker.register('slow', `${receiver.url}/hook`)
  const { messageId } = await broker.trigger('slow')
  await receiver.waitFor(1)

  // The sweep has seen it in the air, several graces after it was accepted.
  await waitUntil(
    () => sweeps().some(({ found }) => (found as Record<string, number>)['in_flight'] === 1),
    {
      message: 'a sweep that finds it in flight',
    },
  )
  await untilSwept(8)
  await expectControl('control.slow')
  expect(receiver.received).toHaveLength(1)

  answerIt()
  const [delivered] = await broker.untilAll(messageId, 'delivered')
  expect(delivered?.attempts).toMatchObject([{ number: 1, outcome: 'succeeded' }])
  await untilSwept(5)
  await expectControl('control.slow.2')
  expect(receiver.received).toHaveLength(1)
  expect(requeued()).toBe(0)
})

test('(b) a delivery in backoff is not sent before its time, and once then', async () => {
  receiver.answer = ({ headers }, response) => {
    response.writeHead(headers['webhook-attempt'] === '1' ? 500 : 200).end()
  }
  await broker.register('backoff', `${receiver.url}/hook`)
  const { messageId } = await broker.trigger('backoff')
  await broker.untilAll(messageId, 'retrying')

  await untilSwept(8)
  await expectControl('control.backoff')
  expect(receiver.received).toHaveLength(1)

  await broker.untilAll(messageId, 'delivered')
  await untilSwept(5)
  await expectControl('control.backoff.2')
  const [first, second] = receiver.received
  expect((second?.arrivedAtMs ?? 0) - (first?.arrivedAtMs ?? 0)).toBeGreaterThanOrEqual(3_995)
  expect(receiver.received).toHaveLength(2)
  expect(requeued()).toBe(0)
})

test('(c) 500 jobs that wait behind a stopped worker are sent once each', async () => {
  for (let n = 0; n < 50; n += 1) await broker.register('waiting', `${receiver.url}/${n}`)
  broker.worker.pause()
  for (let n = 0; n < 10; n += 1) await broker.trigger('waiting')

  // Each was asked for, and asked for again.
  await waitUntil(
    async () => {
      const [row] = await broker.schema.sql<{ probes: number; count: number }>(
        `select min(probes)::int as probes, count(*)::int as count from deliveries where finished_at is null`,
      )
      return row?.count === 500 && row.probes >= 2
    },
    { message: 'two questions for each of 500 jobs' },
  )
  expect(receiver.received).toEqual([])
  broker.worker.resume()

  await receiver.waitFor(500)
  await expectControl('control.waiting')
  const ids = receiver.received.map(({ headers }) => String(headers['webhook-delivery-id']))
  expect(ids).toHaveLength(500)
  expect(new Set(ids).size).toBe(500)
  expect(requeued()).toBe(0)
})

/** Takes every job out of Redis, but leaves the mark by which the sweep tells an emptied Redis. */
const loseAllJobs = async () => {
  const redis = new Redis(inject('redisUrl'))
  const keys = await redis.keys(`{${broker.env['BROKER_KEY_PREFIX'] ?? ''}}:deliveries:*`)
  expect(keys.some((key) => key.includes(':dlv_'))).toBe(true)
  await redis.del(keys)
  redis.disconnect()
}

test('(d) two sweeps at once over 100 lost deliveries send 100 requests', async () => {
  for (let n = 0; n < 100; n += 1) await broker.register('lost', `${receiver.url}/${n}`)
  await broker.sweep.kill9()
  broker.worker.pause()
  const { messageId } = await broker.trigger('lost')
  await loseAllJobs()
  // Both take a second to start: the grace of 300 ms is over by then.
  const summaries = await Promise.all([broker.sweepOnce(), broker.sweepOnce()])
  expect(summaries.map(({ redisLost }) => redisLost)).toEqual([false, false])
  // Whoever came first took them; the other one took what was left, or nothing.
  expect(summaries.reduce((sum, each) => sum + each.requeued, 0)).toBe(100)

  broker.worker.resume()
  await broker.untilAll(messageId, 'delivered')
  await expectControl('control.lost')
  expect(receiver.received).toHaveLength(100)
  expect(new Set(receiver.received.map(({ url }) => url)).size).toBe(100)
})
