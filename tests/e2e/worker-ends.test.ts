// A worker that dies or is told to stop while a receiver has its request.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ServerResponse } from 'node:http'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'
import { logged, startBroker, type Broker } from './support.ts'

let broker: Broker
const receivers: Receiver[] = []

beforeAll(async () => {
  broker = await startBroker({
    roles: ['api', 'sweep'],
    env: { BROKER_DELIVERY_TIMEOUT_MS: '2000', BROKER_LEASE_MARGIN_MS: '300' },
  })
})
afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()))
})
afterAll(() => broker.stop())

/** Keeps the first request open until told what to answer; every other one is answered 200 at once. */
const startHoldingReceiver = async () => {
  let held: ServerResponse | undefined
  const receiver = await startReceiver({
    answer: (_request, response) => {
      if (held !== undefined) response.writeHead(200).end()
      held ??= response
    },
  })
  receivers.push(receiver)
  return { receiver, answerHeld: (status: number) => held?.writeHead(status).end() }
}

/** An event that a new worker delivers: whatever it would have taken before that, it has taken. */
const expectDelivered = async (eventName: string, url: string) => {
  await broker.register(eventName, url)
  const { messageId } = await broker.trigger(eventName)
  await broker.untilAll(messageId, 'delivered')
}

test('after kill -9 in mid-request the delivery is made again with the same id, and the log says which attempt is unknown', async () => {
  const { receiver } = await startHoldingReceiver()
  await broker.register('killed', `${receiver.url}/hook`)
  const worker = await broker.start('worker')
  const { messageId } = await broker.trigger('killed', { body: '{"n":1}' })
  await receiver.waitFor(1)
  const [inFlight] = await broker.deliveriesOf(messageId)
  expect(inFlight).toMatchObject({
    status: 'pending',
    inFlight: true,
    attemptCount: 1,
    waiting: { reason: 'in_flight' },
  })

  await worker.kill9()
  const next = await broker.start('worker')

  const [delivered] = await broker.untilAll(messageId, 'delivered', 15_000)
  const requests = receiver.received
  expect(requests.map(({ headers }) => headers['webhook-id'])).toEqual([messageId, messageId])
  expect(requests.map(({ headers }) => headers['webhook-attempt'])).toEqual(['1', '2'])
  expect(requests.map(({ body }) => body.toString())).toEqual(['{"n":1}', '{"n":1}'])
  expect(
    delivered?.attempts.map(({ number, outcome, statusCode }) => [number, outcome, statusCode]),
  ).toEqual([
    [1, 'unknown', null],
    [2, 'succeeded', 200],
  ])
  await next.stop()
})

// O-QUEUE-4: jobs that ended during close() stayed active; a killed consumer's row still said "published".
test('a worker told to stop in mid-request lets it end, records it, takes nothing more, and exits with 0', async () => {
  const { receiver, answerHeld } = await startHoldingReceiver()
  await broker.register('stopped', `${receiver.url}/hook`)
  const worker = await broker.start('worker')
  const { messageId } = await broker.trigger('stopped')
  await receiver.waitFor(1)

  const exit = worker.stop('SIGTERM')
  await worker.waitForLine(/^stopping on SIGTERM$/)
  const later = await broker.trigger('stopped')
  answerHeld(200)

  expect(await exit).toEqual({ code: 0, signal: null })
  expect(logged(worker, 'attempt.finished')).toMatchObject([
    { messageId, attempt: 1, statusCode: 200, status: 'delivered' },
  ])
  const [delivered] = await broker.deliveriesOf(messageId)
  expect(delivered).toMatchObject({ status: 'delivered', attemptCount: 1, inFlight: false })
  const [untouched] = await broker.deliveriesOf(later.messageId)
  expect(untouched).toMatchObject({ status: 'pending', attemptCount: 0 })

  const next = await broker.start('worker')
  await broker.untilAll(later.messageId, 'delivered')
  await expectDelivered('control.stopped', `${receiver.url}/control`)
  expect(
    receiver.received
      .map(({ headers }) => [headers['webhook-id'], headers['webhook-attempt']])
      .slice(0, 2),
  ).toEqual([
    [messageId, '1'],
    [later.messageId, '1'],
  ])
  expect(receiver.received).toHaveLength(3)
  await next.stop()
})

test('a worker told to stop in mid-request records a refusal, which a new worker retries', async () => {
  const { receiver, answerHeld } = await startHoldingReceiver()
  await broker.register('refused', `${receiver.url}/hook`)
  const worker = await broker.start('worker')
  const { messageId } = await broker.trigger('refused')
  await receiver.waitFor(1)

  const exit = worker.stop('SIGTERM')
  answerHeld(500)

  expect(await exit).toEqual({ code: 0, signal: null })
  const [waiting] = await broker.deliveriesOf(messageId)
  expect(waiting).toMatchObject({ status: 'retrying', attemptCount: 1, inFlight: false })
  const next = await broker.start('worker')
  const [delivered] = await broker.untilAll(messageId, 'delivered')
  expect(
    delivered?.attempts.map(({ number, outcome, statusCode }) => [number, outcome, statusCode]),
  ).toEqual([
    [1, 'failed', 500],
    [2, 'succeeded', 200],
  ])
  expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([
    messageId,
    messageId,
  ])
  await next.stop()
})

test('a worker whose receiver never answers still exits within its bound after SIGTERM', async () => {
  const { receiver } = await startHoldingReceiver()
  await broker.register('silent', `${receiver.url}/hook`)
  const worker = await broker.start('worker')
  const { messageId } = await broker.trigger('silent')
  await receiver.waitFor(1)
  const startedMs = performance.now()

  expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null })

  // What is left of its timeout of two seconds, and the last words to the queue.
  expect(performance.now() - startedMs).toBeLessThan(4_000)
  const [waiting] = await broker.deliveriesOf(messageId)
  expect(waiting).toMatchObject({ status: 'retrying', attemptCount: 1 })
  await waitUntil(async () => (await broker.deliveriesOf(messageId))[0]?.inFlight === false)
})
