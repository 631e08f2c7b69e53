// The use cases together, over stores in memory that keep what they are told: what a team sees of the broker.

import { describe, expect, test } from 'vitest'
import { makeFakeBroker, TENANT, type FakeBroker } from '../../support/fakes/world-broker.ts'
import {
  answer,
  askedOf,
  fire,
  fireOne,
  signaturesOf,
  storyOf,
  subscribe,
  urlOf,
} from '../../support/world-kit.ts'
import { codeOf } from '../../support/webhook-kit.ts'

const HOUR_MS = 3_600_000
const failing = (broker: FakeBroker, name: string) => broker.receive(urlOf(name), () => answer(500))

describe('an event', () => {
  test('reaches every webhook of its name, byte for byte and signed, and the log shows it', async () => {
    const broker = makeFakeBroker()
    const a = await subscribe(broker, 'a')
    await subscribe(broker, 'b')
    const { messageId, deliveries } = await fire(broker)
    expect(deliveries).toBe(2)
    expect(await broker.work()).toBe(2)
    const [request] = askedOf(broker, 'a')
    expect(Buffer.from(request?.body ?? []).toString()).toBe('{"a":1}')
    expect(request?.headers['webhook-id']).toBe(messageId)
    expect(request?.headers['webhook-timestamp']).toBe('1769860800')
    expect(request?.headers['webhook-signature']).toBe(request && signaturesOf(request, [a.secret]))
    const message = await broker.reader.message(TENANT, messageId)
    expect(message?.deliveries.map(({ status, attemptCount }) => [status, attemptCount])).toEqual([
      ['delivered', 1],
      ['delivered', 1],
    ])
    expect(await broker.audit(TENANT)).toMatchObject({ balanced: true })
  })

  test('with a key that is repeated is one message and one delivery, with another body a conflict', async () => {
    const broker = makeFakeBroker()
    await subscribe(broker, 'a')
    const first = await fire(broker, 'order-1')
    expect(await fire(broker, 'order-1')).toEqual(first)
    expect(await codeOf(fire(broker, 'order-1', '{"a":2}'))).toBe('idempotency_key_reused')
    expect(await broker.work()).toBe(1)
    expect(await fire(broker, 'order-1')).toEqual(first)
    expect(await broker.work()).toBe(0)
    await broker.clock.advance(24 * HOUR_MS)
    expect((await fire(broker, 'order-1')).messageId).not.toBe(first.messageId)
  })

  test('that nobody registered for is kept and delivered to nobody', async () => {
    const broker = makeFakeBroker()
    const { messageId, deliveries } = await fire(broker)
    expect(deliveries).toBe(0)
    expect((await broker.reader.message(TENANT, messageId))?.deliveries).toEqual([])
    expect(await broker.work()).toBe(0)
  })
})

describe('a receiver that fails', () => {
  test('is asked after each delay of the schedule, over the queue or the sweep, and then no more', async () => {
    const broker = makeFakeBroker([5_000, 30_000, HOUR_MS])
    await subscribe(broker, 'a')
    failing(broker, 'a')
    const id = await fireOne(broker)
    const counts: number[] = []
    for (const passMs of [0, 4_999, 1, 30_000, HOUR_MS - 1]) {
      await broker.clock.advance(passMs)
      await broker.work()
      counts.push(broker.requests.length)
    }
    expect(counts).toEqual([1, 1, 2, 3, 3])
    // An hour is too long for the queue: no job is left, and the sweep brings it when it is due.
    expect(await broker.queue.present([id])).toEqual([false])
    expect(await broker.sweep()).toMatchObject({ found: { unqueued: 0 } })
    await broker.clock.advance(1)
    expect(await broker.sweep()).toMatchObject({ requeued: 1 })
    expect(await broker.work()).toBe(1)
    expect(await storyOf(broker, id)).toBe(
      'dead, 1 failed 500, 2 failed 500, 3 failed 500, 4 failed 500',
    )
    await broker.clock.advance(48 * HOUR_MS)
    await broker.sweep()
    expect(await broker.work()).toBe(0)
    expect((await broker.reader.delivery(TENANT, id))?.deadReason).toBe('schedule_exhausted')
  })

  test('and asks for an hour gets it, although the schedule says seconds', async () => {
    const broker = makeFakeBroker()
    await subscribe(broker, 'a')
    broker.receive(urlOf('a'), ({ headers }) =>
      headers['webhook-attempt'] === '1' ? answer(429, { 'retry-after': '3600' }) : answer(200),
    )
    const id = await fireOne(broker)
    await broker.work()
    expect((await broker.reader.delivery(TENANT, id))?.waiting).toEqual({
      reason: 'backoff',
      until: new Date('2026-01-31T13:00:00Z'),
    })
    await broker.clock.advance(HOUR_MS - 1)
    await broker.sweep()
    expect(await broker.work()).toBe(0)
    await broker.clock.advance(1)
    await broker.sweep()
    await broker.work()
    expect(await storyOf(broker, id)).toBe('delivered, 1 failed 429, 2 succeeded 200')
  })

  test('is asked again from the start of the schedule after a replay, and its attempts are numbered on', async () => {
    const broker = makeFakeBroker([5_000])
    await subscribe(broker, 'a')
    failing(broker, 'a')
    const id = await fireOne(broker)
    await broker.work()
    await broker.clock.advance(5_000)
    await broker.work()
    expect(await storyOf(broker, id)).toBe('dead, 1 failed 500, 2 failed 500')
    expect(await broker.replay.replay(TENANT, id)).toMatchObject({ status: 'pending' })
    await broker.work()
    broker.receive(urlOf('a'), () => answer(200))
    await broker.clock.advance(5_000)
    await broker.work()
    expect(await storyOf(broker, id)).toBe(
      'delivered, 1 failed 500, 2 failed 500, 3 failed 500, 4 succeeded 200',
    )
  })
})

describe('a receiver that is gone', () => {
  test('is disabled by its 410; what waits is kept and goes out when it is enabled', async () => {
    const broker = makeFakeBroker()
    const { key } = await subscribe(broker, 'a')
    broker.receive(urlOf('a'), () => answer(410))
    const first = await fireOne(broker)
    const second = await fireOne(broker)
    expect(await broker.work()).toBe(2)
    expect(await storyOf(broker, first)).toBe('dead, 1 failed 410')
    expect(await storyOf(broker, second)).toBe('pending')
    expect(await broker.manage.find(key)).toMatchObject({
      status: 'disabled',
      disabledReason: 'gone',
    })
    expect(await fire(broker)).toMatchObject({ deliveries: 0 })
    // However long it takes: it is parked, and neither the sweep nor a worker burns an attempt.
    await broker.clock.advance(72 * HOUR_MS)
    await broker.sweep()
    expect(await broker.work()).toBe(0)
    broker.receive(urlOf('a'), () => answer(200))
    await broker.manage.change(key, { status: 'enabled' })
    expect(await broker.work()).toBe(1)
    expect(await storyOf(broker, second)).toBe('delivered, 1 succeeded 200')
    expect(await fire(broker)).toMatchObject({ deliveries: 1 })
  })

  test('and was removed takes what waits along; what is on the wire may still arrive', async () => {
    const broker = makeFakeBroker()
    const { key } = await subscribe(broker, 'a')
    const flying = await fireOne(broker)
    let waiting = ''
    broker.receive(urlOf('a'), async () => {
      waiting = await fireOne(broker)
      await broker.manage.remove(key)
      return answer(200)
    })
    await broker.work()
    expect(await storyOf(broker, flying)).toBe('delivered, 1 succeeded 200')
    expect(await storyOf(broker, waiting)).toBe('cancelled')
    expect(await fire(broker)).toMatchObject({ deliveries: 0 })
    expect(broker.requests).toHaveLength(1)
    expect(await broker.audit(TENANT)).toMatchObject({ balanced: true })
  })
})

test('a retry after a rotation is signed by both secrets, and a day later by the new one alone', async () => {
  const broker = makeFakeBroker([5_000, 25 * HOUR_MS])
  const { key, secret: old } = await subscribe(broker, 'a')
  failing(broker, 'a')
  await fire(broker)
  await broker.work()
  const { secret } = await broker.manage.rotateSecret(key)
  await broker.clock.advance(5_000)
  await broker.work()
  await broker.clock.advance(25 * HOUR_MS)
  await broker.sweep()
  await broker.work()
  expect(broker.requests.map(({ headers }) => headers['webhook-signature'])).toEqual(
    [[old], [secret, old], [secret]].map((secrets, index) => {
      const request = broker.requests[index]
      return request && signaturesOf(request, secrets)
    }),
  )
  expect(broker.requests).toHaveLength(3)
})
