// O-QUEUE-3 (a): a memory-only Redis lost every queued retry and every registration on restart.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { startTestRedis, type TestRedis } from '../support/redis-kit.ts'
import { waitUntil } from '../support/wait.ts'
import { logged, startBroker, type Broker } from './support.ts'

const WAITING = 50
const IN_BACKOFF = 50

let redis: TestRedis
let broker: Broker
let receiver: Receiver

beforeAll(async () => {
  redis = await startTestRedis()
  ;[broker, receiver] = await Promise.all([
    // Long enough for all to be in backoff at once when Redis is emptied.
    startBroker({ redisUrl: redis.url, env: { BROKER_RETRY_SCHEDULE: '4s,30s' } }),
    startReceiver({
      answer: ({ url, headers }, response) => {
        const refused = url.startsWith('/backoff/') && headers['webhook-attempt'] === '1'
        response.writeHead(refused ? 500 : 200).end()
      },
    }),
  ])
})
afterAll(async () => {
  await Promise.all([broker.stop(), receiver.close()])
  await redis.stop()
})

const register = async (eventName: string, count: number) => {
  for (let n = 0; n < count; n += 1)
    await broker.register(eventName, `${receiver.url}/${eventName}/${n}`)
}

/** Every answer of the API about webhooks, as it is sent. */
const answersAboutWebhooks = async (): Promise<string[]> => {
  const paths = [
    '/api/v0/webhooks',
    '/api/v0/webhooks?page_size=70&offset=0',
    '/api/v0/webhooks?page_size=70&offset=70',
    '/api/v0/webhooks/waiting?page_size=200',
    '/api/v0/webhooks/backoff?page_size=200',
    '/api/v0/webhooks/nobody',
  ]
  return Promise.all(paths.map(async (path) => (await broker.request('GET', path)).text))
}

/** How often each path was asked. */
const timesAsked = (eventName: string): number[] => {
  const times = new Map<string, number>()
  for (const { url } of receiver.received) {
    if (url.startsWith(`/${eventName}/`)) times.set(url, (times.get(url) ?? 0) + 1)
  }
  return [...times.values()]
}

test('after FLUSHALL with 100 open deliveries each is delivered once, and every answer about webhooks is as before', async () => {
  await register('waiting', WAITING)
  await register('backoff', IN_BACKOFF)
  const backoff = await broker.trigger('backoff')
  await broker.untilAll(backoff.messageId, 'retrying')
  broker.worker.pause()
  const waiting = await broker.trigger('waiting')
  const before = await answersAboutWebhooks()
  expect(JSON.parse(before[1] ?? '')).toMatchObject({ total: 100, nextOffset: 70 })
  const openRows = await broker.schema.sql(
    `select status, attempt_count, count(*)::int from deliveries where finished_at is null group by 1, 2 order by 1`,
  )
  expect(openRows).toEqual([
    { status: 'pending', attempt_count: 0, count: WAITING },
    { status: 'retrying', attempt_count: 1, count: IN_BACKOFF },
  ])

  expect(logged(broker.sweep, 'sweep.redis_lost')).toEqual([])
  await redis.admin.flushall()
  expect(await answersAboutWebhooks()).toEqual(before)
  await waitUntil(() => logged(broker.sweep, 'sweep.redis_lost').length > 0, {
    message: 'the sweep',
  })
  broker.worker.resume()

  await broker.untilAll(waiting.messageId, 'delivered')
  await broker.untilAll(backoff.messageId, 'delivered', 15_000)
  expect(await answersAboutWebhooks()).toEqual(before)
  // The routing table is back, too: an event goes to all of its webhooks again.
  const again = await broker.trigger('waiting')
  expect(again.deliveries).toBe(WAITING)
  await broker.untilAll(again.messageId, 'delivered')
  // Once before the loss and once now: not one of the hundred was sent twice.
  expect(timesAsked('waiting')).toEqual(Array<number>(WAITING).fill(2))
  expect(timesAsked('backoff')).toEqual(Array<number>(IN_BACKOFF).fill(2))
  expect(JSON.parse((await broker.request('GET', '/api/v0/audit')).text)).toMatchObject({
    balanced: true,
    days: [{ matched: 150, delivered: 150, dead: 0, cancelled: 0, open: 0 }],
  })
})

test('an event that is triggered on an emptied Redis, before any repair, still goes to all of its webhooks', async () => {
  broker.sweep.pause()
  await redis.admin.flushall()

  const { messageId, deliveries } = await broker.trigger('waiting')

  expect(deliveries).toBe(WAITING)
  expect(await broker.untilAll(messageId, 'delivered')).toHaveLength(WAITING)
  broker.sweep.resume()
})
