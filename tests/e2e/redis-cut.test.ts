// O-QUEUE-3 (c): after a short loss of the connection delayed jobs fired hours late, and one consumer did not recover
// until it was started anew.

import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { startReceiver, type Received, type Receiver } from '../support/receiver.ts'
import { startProxy, type Proxy } from '../support/tcp-proxy.ts'
import type { BrokerProcess } from '../support/process.ts'
import { waitUntil } from '../support/wait.ts'
import { logged, startBroker, type Broker } from './support.ts'

const COUNT = 20
const BACKOFF_MS = 2_500
// Two commits, and a poll of Postgres or of Redis each second.
const MARGIN_MS = 1_500

let broker: Broker
let proxy: Proxy
let worker: BrokerProcess
let receiver: Receiver

beforeAll(async () => {
  proxy = await startProxy({ port: Number(new URL(inject('redisUrl')).port) })
  const env = { BROKER_RETRY_SCHEDULE: `${BACKOFF_MS}ms,30s` }
  ;[broker, receiver] = await Promise.all([
    startBroker({ env, roles: ['api', 'sweep'] }),
    startReceiver({
      answer: ({ headers }, response) => {
        response.writeHead(headers['webhook-attempt'] === '1' ? 500 : 200).end()
      },
    }),
  ])
  // Only the worker is behind the proxy: what the others see is not at stake here.
  worker = await broker.start('worker', { REDIS_URL: `redis://127.0.0.1:${proxy.port}` })
})
afterAll(() => Promise.all([broker.stop(), receiver.close(), proxy.close()]))

/** Brings so many deliveries into backoff. @returns their message */
const intoBackoff = async (eventName: string): Promise<string> => {
  for (let n = 0; n < COUNT; n += 1)
    await broker.register(eventName, `${receiver.url}/${eventName}/${n}`)
  const { messageId } = await broker.trigger(eventName)
  await broker.untilAll(messageId, 'retrying')
  return messageId
}

/** Milliseconds between the two attempts of each delivery. */
const waits = (eventName: string): number[] => {
  const arrivals = new Map<string, Received[]>()
  for (const request of receiver.received.filter(({ url }) => url.startsWith(`/${eventName}/`))) {
    arrivals.set(request.url, [...(arrivals.get(request.url) ?? []), request])
  }
  expect(arrivals.size).toBe(COUNT)
  return [...arrivals.values()].map((requests) => {
    expect(requests.map(({ headers }) => headers['webhook-attempt'])).toEqual(['1', '2'])
    return (requests[1]?.arrivedAtMs ?? 0) - (requests[0]?.arrivedAtMs ?? 0)
  })
}

const expectOnTime = (eventName: string) => {
  for (const waitedMs of waits(eventName)) {
    expect(waitedMs).toBeGreaterThanOrEqual(BACKOFF_MS - 5)
    expect(waitedMs).toBeLessThan(BACKOFF_MS + MARGIN_MS)
  }
}

test('20 jobs in backoff run when they are due while the worker is cut off from Redis', async () => {
  const messageId = await intoBackoff('cut')

  proxy.reset()
  await waitUntil(() => logged(worker, 'dispatcher.direct').length > 0, { message: 'the way over' })
  await broker.untilAll(messageId, 'delivered')

  expectOnTime('cut')
  proxy.heal()
  await waitUntil(() => logged(worker, 'dispatcher.queue').length > 0, { message: 'the way back' })
})

test('20 jobs in backoff run when they are due after a connection that broke and came back', async () => {
  const goneOver = logged(worker, 'dispatcher.direct').length
  const messageId = await intoBackoff('broken')

  proxy.reset()
  proxy.heal()
  await broker.untilAll(messageId, 'delivered')

  expectOnTime('broken')
  // From the queue: such a short loss is no reason to go over.
  expect(logged(worker, 'dispatcher.direct')).toHaveLength(goneOver)
})
