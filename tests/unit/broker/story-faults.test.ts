// The use cases together while things break: Redis away, emptied or stale, workers that die or come late, Postgres away.
// What was accepted arrives, and the log says what happened.

import { describe, expect, test } from 'vitest'
import { makeFakeBroker, TENANT } from '../../support/fakes/world-broker.ts'
import { answered } from '../../support/store-rig.ts'
import { codeOf } from '../../support/webhook-kit.ts'
import {
  answer,
  askedOf,
  EVENT,
  fire,
  fireOne,
  storyOf,
  subscribe,
  urlOf,
} from '../../support/world-kit.ts'

// What the stores in memory are set to: timeout 1 s and margin 0.5 s, 30 s until the sweep asks.
const LEASE_MS = 1_500
const GRACE_MS = 30_000

describe('a Redis that is away', () => {
  test('loses no event: the sweep asks for it after the grace and the queue has it once', async () => {
    const broker = makeFakeBroker()
    await subscribe(broker, 'a')
    broker.redis.up = false
    const id = await fireOne(broker)
    expect(broker.log.of('message.accepted')).toMatchObject([{ enqueued: false }])
    broker.redis.up = true
    await broker.clock.advance(GRACE_MS - 1)
    expect(await broker.sweep()).toMatchObject({ requeued: 0 })
    expect(await broker.work()).toBe(0)
    await broker.clock.advance(1)
    expect(await broker.sweep()).toMatchObject({ requeued: 1 })
    expect(await broker.work()).toBe(1)
    await broker.clock.advance(GRACE_MS)
    expect(await broker.sweep()).toMatchObject({ found: { unqueued: 0 } })
    expect(await storyOf(broker, id)).toBe('delivered, 1 succeeded 200')
    expect(broker.requests).toHaveLength(1)
  })

  test('while a webhook is registered leaves the table stale: SQL serves, and the sweep rebuilds it', async () => {
    const broker = makeFakeBroker()
    await subscribe(broker, 'a')
    broker.redis.up = false
    await subscribe(broker, 'b')
    broker.redis.up = true
    // The table still says that "a" is all there is.
    expect(await broker.table.lookup(TENANT, EVENT)).toEqual({ version: 1, urls: [urlOf('a')] })
    expect(await fire(broker)).toMatchObject({ deliveries: 2 })
    expect(await broker.sweep()).toMatchObject({ rebuiltTenants: 1 })
    expect(await broker.table.lookup(TENANT, EVENT)).toEqual({
      version: 2,
      urls: [urlOf('a'), urlOf('b')],
    })
    expect(await fire(broker)).toMatchObject({ deliveries: 2 })
  })

  test('while a webhook is removed sends it nothing more', async () => {
    const broker = makeFakeBroker()
    const { key } = await subscribe(broker, 'a')
    await subscribe(broker, 'b')
    broker.redis.up = false
    await broker.manage.remove(key)
    broker.redis.up = true
    expect(await fire(broker)).toMatchObject({ deliveries: 1 })
    await broker.work()
    expect([askedOf(broker, 'a').length, askedOf(broker, 'b').length]).toEqual([0, 1])
  })
})

describe('a Redis that was emptied', () => {
  test('is found by the next sweep: what it held comes back, nothing is sent twice or too early', async () => {
    const broker = makeFakeBroker([60_000, 3_600_000])
    await subscribe(broker, 'a')
    await broker.sweep()
    broker.receive(urlOf('a'), () => answer(500))
    const backoff = await fireOne(broker)
    await broker.work()
    broker.receive(urlOf('a'), () => answer(200))
    const waiting = [await fireOne(broker), await fireOne(broker)]
    broker.emptyRedis()
    expect(await broker.sweep()).toMatchObject({ redisLost: true, madeDue: 3, requeued: 3 })
    expect(await broker.table.lookup(TENANT, EVENT)).toEqual({ version: 1, urls: [urlOf('a')] })
    expect(await broker.work()).toBe(2)
    expect(await Promise.all(waiting.map((id) => storyOf(broker, id)))).toEqual([
      'delivered, 1 succeeded 200',
      'delivered, 1 succeeded 200',
    ])
    await broker.clock.advance(59_999)
    expect(await broker.work()).toBe(0)
    await broker.clock.advance(1)
    expect(await broker.work()).toBe(1)
    expect(await storyOf(broker, backoff)).toBe('delivered, 1 failed 500, 2 succeeded 200')
    expect(await broker.sweep()).toMatchObject({ redisLost: false })
  })

  test('with its sets only is not believed: an empty set is no answer', async () => {
    const broker = makeFakeBroker()
    await subscribe(broker, 'a')
    await broker.table.rebuild(
      () => Promise.resolve({ tenant: TENANT, version: 1, urls: new Map([[EVENT, []]]) }),
      TENANT,
    )
    expect(await broker.table.lookup(TENANT, EVENT)).toEqual({ version: 1, urls: [] })
    expect(await fire(broker)).toMatchObject({ deliveries: 1 })
  })

  test('of a list but not of the job gets it back after six fruitless questions', async () => {
    const broker = makeFakeBroker()
    await subscribe(broker, 'a')
    const id = await fireOne(broker)
    broker.queue.finish(id)
    broker.queue.orphan(id)
    const replaced: number[] = []
    // 30 s, then twice as long each time.
    for (const waitMs of [30_000, 30_000, 60_000, 120_000, 240_000, 480_000]) {
      await broker.clock.advance(waitMs)
      replaced.push((await broker.sweep()).replaced)
    }
    expect(replaced).toEqual([0, 0, 0, 0, 0, 1])
    expect(await broker.work()).toBe(1)
    expect(await storyOf(broker, id)).toBe('delivered, 1 succeeded 200')
  })
})

describe('a worker that dies', () => {
  test('before it sends costs a lease and no step of the schedule', async () => {
    const broker = makeFakeBroker()
    await subscribe(broker, 'a')
    await fire(broker)
    const id = await broker.crash()
    // Its job is found at once, and the claim refuses the next worker while the lease lives.
    expect(await broker.sweep()).toMatchObject({ abandoned: 1 })
    await broker.work()
    expect(broker.requests).toEqual([])
    await broker.clock.advance(LEASE_MS)
    await broker.work()
    expect(await storyOf(broker, id)).toBe('delivered, 1 unknown -, 2 succeeded 200')
  })

  test('each time ends the delivery after six attempts that nobody saw the end of', async () => {
    const broker = makeFakeBroker()
    await subscribe(broker, 'a')
    const id = await fireOne(broker)
    for (let crash = 0; crash < 6; crash += 1) {
      await broker.queue.promote()
      await broker.crash()
      await broker.clock.advance(GRACE_MS + LEASE_MS)
      await broker.sweep()
      await broker.clock.advance(1_000)
    }
    // A job may be left of it; whoever takes that is refused.
    await broker.work()
    expect(broker.requests).toEqual([])
    const view = await broker.reader.delivery(TENANT, id)
    expect([view?.status, view?.deadReason]).toEqual(['dead', 'crash_budget'])
    expect(view?.attempts.map(({ outcome }) => outcome)).toEqual(
      Array.from({ length: 6 }, () => 'unknown'),
    )
    expect(await broker.audit(TENANT)).toMatchObject({ balanced: true })
  })

  test('only slept and reports a success late: the receiver has it, and the log says so', async () => {
    const broker = makeFakeBroker()
    await subscribe(broker, 'a')
    await fire(broker)
    const id = broker.queue.take() ?? ''
    const outcome = await broker.deliveryLog.claim(id, 'token-slow')
    if (outcome.kind !== 'claimed') throw new Error('not claimed')
    broker.queue.loseLock(id)
    await broker.clock.advance(GRACE_MS + LEASE_MS)
    await broker.sweep()
    const recorded = await broker.deliveryLog.record({
      claim: outcome.claim,
      outcome: answered(200),
      plan: { kind: 'delivered' },
      durationMs: 30_000,
    })
    expect(recorded).toMatchObject({ status: 'delivered', fenced: true })
    await broker.clock.advance(1_000)
    await broker.work()
    expect(broker.requests).toEqual([])
    expect(await storyOf(broker, id)).toBe('delivered, 1 succeeded 200')
  })
})

describe('a Postgres that is away', () => {
  test('at a trigger is told, and the same key afterwards makes one message', async () => {
    const broker = makeFakeBroker()
    await subscribe(broker, 'a')
    broker.world.up = false
    expect(await codeOf(fire(broker, 'order-1'))).toBe('log_unavailable')
    expect(broker.queue.waiting()).toEqual([])
    broker.world.up = true
    expect(await fire(broker, 'order-1')).toMatchObject({ deliveries: 1 })
    expect(await broker.work()).toBe(1)
  })

  test('for a moment after the answer costs nothing: the result is kept until it is back', async () => {
    const broker = makeFakeBroker()
    await subscribe(broker, 'a')
    const id = await fireOne(broker)
    broker.receive(urlOf('a'), () => {
      broker.world.up = false
      return answer(200)
    })
    const working = broker.work()
    await broker.clock.advance(600)
    broker.world.up = true
    await broker.clock.advance(200)
    await working
    await broker.clock.advance(GRACE_MS)
    await broker.sweep()
    expect(await broker.work()).toBe(0)
    expect(await storyOf(broker, id)).toBe('delivered, 1 succeeded 200')
    expect(broker.requests).toHaveLength(1)
  })

  // The one duplicate that no protocol can avoid: both copies carry the same id and bytes.
  test('until the lease has ended makes one copy more, with the same id and bytes', async () => {
    const broker = makeFakeBroker()
    await subscribe(broker, 'a')
    const id = await fireOne(broker)
    broker.receive(urlOf('a'), () => {
      broker.world.up = false
      return answer(200)
    })
    const working = codeOf(broker.work())
    await broker.clock.advance(LEASE_MS + 200)
    expect(await working).toBe('log_unavailable')
    broker.queue.loseLock(id)
    broker.world.up = true
    broker.receive(urlOf('a'), () => answer(200))
    await broker.clock.advance(GRACE_MS)
    await broker.sweep()
    await broker.clock.advance(1_000)
    await broker.work()
    expect(await storyOf(broker, id)).toBe('delivered, 1 unknown -, 2 succeeded 200')
    const copies = broker.requests.map(({ headers, body }) => [
      headers['webhook-id'],
      headers['webhook-attempt'],
      Buffer.from(body).toString(),
    ])
    const messageId = copies[0]?.[0]
    expect(copies).toEqual([
      [messageId, '1', '{"a":1}'],
      [messageId, '2', '{"a":1}'],
    ])
  })
})
