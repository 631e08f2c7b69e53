// What QStash is given: ids, a deduplication id that is new each time, whole seconds, and never a secret or a payload.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { makeQstashPublisher } from '../../lib/queue/qstash/publisher.ts'
import { systemClock } from '../../lib/wiring/runtime.ts'
import { startFakeQstash, type FakeQstash } from '../support/fake-qstash.ts'
import { makeManualClock } from '../support/fakes/manual-clock.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'
import { codeOf } from '../support/webhook-kit.ts'

let qstash: FakeQstash
let receiver: Receiver
beforeAll(async () => {
  ;[qstash, receiver] = await Promise.all([startFakeQstash(), startReceiver()])
})
beforeEach(() => {
  // The client prints each failure, too.
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  qstash.up = true
  qstash.requests = 0
  qstash.taken.length = 0
  qstash.swallowed.length = 0
})
afterAll(() => Promise.all([qstash.close(), receiver.close()]))

const publisher = (change: { url?: string; token?: string } = {}, clock = systemClock) =>
  makeQstashPublisher(
    {
      url: qstash.url,
      token: qstash.token,
      destination: `${receiver.url}/internal/qstash`,
      answerTimeoutMs: 75_000,
      flow: { key: 'broker', parallelism: 3 },
      ...change,
    },
    clock,
  )

const ready = (n: number, generation = 0, delayMs = 0) => ({
  deliveryId: `dlv_${n}`,
  generation,
  delayMs,
})

test('a message holds the ids, and comes to the entrance with the options of its hand-over', async () => {
  await publisher()([ready(1, 4)])
  expect(qstash.taken).toMatchObject([
    {
      url: `${receiver.url}/internal/qstash`,
      body: '{"deliveryId":"dlv_1","generation":4}',
      deduplicationId: 'dlv_1-4',
      delayMs: 0,
      retries: 3,
    },
  ])
  expect(qstash.taken[0]?.headers).toMatchObject({
    'content-type': 'application/json',
    'upstash-method': 'POST',
    'upstash-timeout': '75s',
    'upstash-flow-control-key': 'broker',
    'upstash-flow-control-value': 'parallelism=3',
  })
  const [called] = await receiver.waitFor(1)
  expect(called?.body.toString()).toBe('{"deliveryId":"dlv_1","generation":4}')
})

test('a delay is whole seconds, never shorter than asked', async () => {
  await publisher()([ready(2, 0, 1), ready(3, 0, 4_001), ready(4, 0, 600_000)])
  expect(qstash.taken.map(({ delayMs }) => delayMs)).toEqual([1_000, 5_000, 600_000])
})

test('a generation that was published before is swallowed, and the next one is not', async () => {
  const publish = publisher()
  await publish([ready(5, 1)])
  await publish([ready(5, 1)])
  await publish([ready(5, 2)])
  expect(qstash.taken.map(({ deduplicationId }) => deduplicationId)).toEqual(['dlv_5-1', 'dlv_5-2'])
  expect(qstash.swallowed).toHaveLength(1)
})

test('a fan-out goes out a hundred to a request', async () => {
  // Calling as many addresses at once is QStash's affair, not this machine's.
  qstash.faults.drops = () => true
  await publisher()(Array.from({ length: 1_050 }, (_, n) => ready(1_000 + n)))
  qstash.faults.drops = () => false
  expect([qstash.requests, qstash.taken.length]).toEqual([11, 1_050])
  expect(new Set(qstash.taken.map(({ body }) => body)).size).toBe(1_050)
})

test('QStash is told how many calls it may make at once, so that a burst waits with it', async () => {
  const held: (() => void)[] = []
  receiver.answer = (_request, response) => void held.push(() => void response.end())
  const before = receiver.received.length
  await publisher()(Array.from({ length: 7 }, (_, n) => ready(500 + n)))
  const counts: number[] = []
  while (counts.length < 7) {
    const open = await waitUntil(() => held.length === Math.min(3, 7 - counts.length) && held, {
      timeoutMs: 5_000,
      message: 'as many calls as there may be',
    })
    counts.push(open.length)
    open.shift()?.()
  }
  expect(counts).toEqual([3, 3, 3, 3, 3, 2, 1])
  expect(receiver.received.length - before).toBe(7)
  receiver.answer = 200
})

test('nothing to hand over asks nothing of QStash', async () => {
  await publisher()([])
  expect(qstash.requests).toBe(0)
})

test('a QStash that fails, refuses the token or is not there has not confirmed', async () => {
  qstash.up = false
  expect(await codeOf(publisher()([ready(6)]))).toBe('queue_unavailable')
  qstash.up = true
  expect(await codeOf(publisher({ token: 'of somebody else' })([ready(6)]))).toBe(
    'queue_unavailable',
  )
  expect(await codeOf(publisher({ url: 'http://127.0.0.1:1' })([ready(6)]))).toBe(
    'queue_unavailable',
  )
  expect(qstash.taken).toEqual([])
  await publisher()([ready(6)])
  expect(qstash.taken).toHaveLength(1)
})

test('a QStash that takes only part of a batch has not confirmed', async () => {
  const partial = createServer((_request, response) => {
    response.end(JSON.stringify([{ messageId: 'm' }, { error: 'quota exceeded' }]))
  })
  await new Promise<void>((resolve) => partial.listen(0, '127.0.0.1', resolve))
  const { port } = partial.address() as AddressInfo
  const publish = publisher({ url: `http://127.0.0.1:${port}` })
  expect(await codeOf(publish([ready(7), ready(8)]))).toBe('queue_unavailable')
  partial.closeAllConnections()
  await new Promise((resolve) => partial.close(resolve))
})

test('a QStash that says nothing is given up after five seconds', async () => {
  const silent = await startReceiver({ answer: () => undefined })
  const clock = makeManualClock()
  let ended = 'waiting'
  const publishing = codeOf(publisher({ url: silent.url }, clock)([ready(9)])).then((code) => {
    ended = code
  })
  await silent.waitFor(1)
  await clock.advance(4_999)
  expect(ended).toBe('waiting')
  await clock.advance(1)
  await publishing
  expect(ended).toBe('queue_unavailable')
  await silent.close()
})

test('QSTASH_DEV of the environment sends nothing to a server of its own', async () => {
  vi.stubEnv('QSTASH_DEV', 'true')
  await publisher()([ready(10)])
  vi.unstubAllEnvs()
  expect(qstash.taken).toHaveLength(1)
})
