// The breaker and rate limits where QStash dispatches. What they let go is handed over by the process that let it go: no
// sweep runs here, and the one that would asks after two minutes.

import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { startQstashBroker, type QstashBroker } from '../support/qstash-kit.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { randomPrefix } from '../support/schema.ts'
import { waitUntil } from '../support/wait.ts'

let broker: QstashBroker
let receiver: Receiver
beforeEach(async () => {
  ;[broker, receiver] = await Promise.all([
    startQstashBroker({
      env: {
        BROKER_RETRY_SCHEDULE: '1s,1s,1s,1s,1s,1s',
        BROKER_BREAKER_FAILURES: '3',
        BROKER_BREAKER_OPEN_MS: '1000',
      },
    }),
    startReceiver(),
  ])
})
afterEach(() => Promise.all([broker.close(), receiver.close()]))

const health = () => broker.schema.sql<{ state: string }>('select state from webhook_health', [])

test('a breaker that opened is closed by a probe, and what had waited is handed over', async () => {
  receiver.answer = 500
  await broker.register('down', receiver.url)
  const fired = await Promise.all(Array.from({ length: 8 }, () => broker.trigger('down')))
  await waitUntil(async () => (await health())[0]?.state === 'open', {
    timeoutMs: 10_000,
    message: 'the breaker to open',
  })
  receiver.answer = 200
  for (const { messageId } of fired) await broker.untilAll(messageId, 'delivered', 20_000)
  await broker.qstash.idle()
  const succeeded = receiver.received.length
  expect(succeeded).toBeGreaterThanOrEqual(8)
  expect(broker.qstash.swallowed).toEqual([])
  expect(broker.qstash.calls.every(({ status }) => status === 200)).toBe(true)
})

test('a rate limit delays without an attempt: each delivery waits for its turn at QStash', async () => {
  const { id } = await broker.register('limited', receiver.url)
  const limit = JSON.stringify({ rateLimit: { limit: 2, perSeconds: 1 } })
  const path = `/api/v0/webhooks/limited/${id}`
  expect((await broker.request('PATCH', path, { body: limit })).status).toBe(200)
  const fired = await Promise.all(Array.from({ length: 7 }, () => broker.trigger('limited')))
  for (const { messageId } of fired) {
    const [delivery] = await broker.untilAll(messageId, 'delivered', 20_000)
    expect(delivery?.attemptCount).toBe(1)
  }
  expect(receiver.received).toHaveLength(7)
  const times = receiver.received.map(({ arrivedAtMs }) => arrivedAtMs).sort((a, b) => a - b)
  // Seven at two a second: the last comes three seconds after the first.
  expect((times[6] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(2_800)
})

test('where there is a Redis, it gives out the turns: a function is many processes', async () => {
  const prefix = randomPrefix()
  const shared = await startQstashBroker({
    env: { REDIS_URL: inject('redisUrl'), BROKER_KEY_PREFIX: prefix },
  })
  const { id } = await shared.register('limited', receiver.url)
  const limit = JSON.stringify({ rateLimit: { limit: 5, perSeconds: 1 } })
  await shared.request('PATCH', `/api/v0/webhooks/limited/${id}`, { body: limit })
  const { messageId } = await shared.trigger('limited')
  await shared.untilAll(messageId, 'delivered')
  const redis = new Redis(inject('redisUrl'))
  expect(await redis.zcard(`{${prefix}}:turn-workers`)).toBe(1)
  expect(await redis.exists(`{${prefix}}:turns:${id}`)).toBe(1)
  redis.disconnect()
  await shared.close()
})

test('a webhook that is enabled again gets what had waited for it, by way of QStash', async () => {
  broker.qstash.faults.lateMs = () => 1_000
  const { id } = await broker.register('paused', receiver.url)
  const { messageId } = await broker.trigger('paused')
  const change = (status: string) =>
    broker.request('PATCH', `/api/v0/webhooks/paused/${id}`, { body: JSON.stringify({ status }) })
  await change('disabled')
  await broker.qstash.idle()
  expect((await broker.deliveriesOf(messageId))[0]).toMatchObject({
    status: 'pending',
    waiting: { reason: 'webhook_disabled' },
  })
  expect(receiver.received).toEqual([])
  await change('enabled')
  await broker.untilAll(messageId, 'delivered')
  expect(receiver.received).toHaveLength(1)
})
