// Several processes at once on one Postgres. Within a process the batcher keeps equal keys and rows apart, so a race
// between two processes is the one that only SQL can decide.

import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { makeSchema, type TestSchema } from '../support/schema.ts'
import { anotherProcess, holdTransaction } from '../support/sessions.ts'
import {
  answered,
  claimOf,
  DELIVERED,
  delivery,
  freshEvent,
  record,
  registered,
  retryIn,
  rigOver,
  triggerOf,
  type StoreRig,
} from '../support/store-rig.ts'

// Postgres: nobody gave up the lock within lock_timeout.
const LOCK_NOT_AVAILABLE = '55P03'

let schema: TestSchema
let rig: StoreRig
beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
  rig = rigOver(schema.database, schema.sql, schema.drop)
})
afterAll(() => rig.close())

const processes = (count: number) =>
  Array.from({ length: count }, () => anotherProcess(schema.database))
const keyed = (key: string) => ({
  payload: Buffer.from('{}'),
  idempotency: { key, payloadHash: createHash('sha256').update('{}').digest() },
})

describe('one idempotency key in eight processes', () => {
  // O-DUP-2: check-then-insert let two racing requests both run; the loser of a race got 503.
  test('makes one message, and every loser gets the answer of the winner', async () => {
    const eventName = freshEvent()
    await registered(rig, eventName)
    const held = await holdTransaction(schema)
    // All eight stand before the same uncommitted key when it goes away: they race for it, whatever the machine does.
    await held.stores.deliveryLog.accept(triggerOf(eventName, keyed('race')))
    const answers = processes(8).map(({ deliveryLog }) =>
      deliveryLog.accept(triggerOf(eventName, keyed('race'))),
    )
    await held.blocks(8)
    await held.rollBack()
    const accepted = await Promise.all(answers)
    expect(new Set(accepted.map(({ messageId }) => messageId)).size).toBe(1)
    expect(accepted.filter(({ replayed }) => !replayed)).toHaveLength(1)
    expect(accepted.map(({ matched, conflict }) => [matched, conflict])).toEqual(
      Array.from({ length: 8 }, () => [1, false]),
    )
    const made = await schema.sql('select 1 from deliveries where event_name = $1', [eventName])
    expect(made).toHaveLength(1)
  })

  test('waits for the one that is not committed yet and then repeats its answer', async () => {
    const eventName = freshEvent()
    await registered(rig, eventName)
    const held = await holdTransaction(schema)
    const first = await held.stores.deliveryLog.accept(triggerOf(eventName, keyed('slow')))
    const second = rig.deliveryLog.accept(triggerOf(eventName, keyed('slow')))
    await held.blocks(1)
    await held.commit()
    expect(await second).toEqual({ ...first, deliveryIds: [], replayed: true })
  })
})

describe('one delivery in two processes', () => {
  test('that another one holds locked is refused at once, and its neighbours are claimed', async () => {
    const locked = await delivery(rig)
    const free = await delivery(rig)
    const held = await holdTransaction(schema)
    await held.sql('select 1 from deliveries where id = $1 for update', [locked.id])
    const outcomes = await Promise.all([
      rig.deliveryLog.claim(locked.id, 'token-a'),
      rig.deliveryLog.claim(free.id, 'token-b'),
    ])
    expect(outcomes.map(({ kind }) => kind)).toEqual(['locked', 'claimed'])
    await held.rollBack()
    expect(claimOf(await rig.deliveryLog.claim(locked.id, 'token-a')).attemptNumber).toBe(1)
  })

  test('is won by one of them, each time', async () => {
    const [one, two] = [anotherProcess(schema.database), anotherProcess(schema.database)]
    for (let round = 0; round < 30; round += 1) {
      const { id } = await delivery(rig)
      const outcomes = await Promise.all([
        one.deliveryLog.claim(id, `one-${round}`),
        two.deliveryLog.claim(id, `two-${round}`),
      ])
      const kinds = outcomes.map(({ kind }) => kind).sort()
      expect(kinds[0]).toBe('claimed')
      expect(['leased', 'locked']).toContain(kinds[1])
      expect((await rig.rowOf(id)).attempt_count).toBe(1)
    }
  })

  test('whose result waits behind the sweep finds its lease gone, and a success counts all the same', async () => {
    const { id } = await delivery(rig)
    const claim = claimOf(await rig.deliveryLog.claim(id, 'token-a'))
    await rig.expireLease(id)
    await rig.makeDueNow(id)
    const held = await holdTransaction(schema)
    expect(await held.stores.sweepStore.takeDue(1)).toMatchObject([
      { deliveryId: id, finding: 'expired_lease' },
    ])
    const recorded = record(rig, claim, [answered(200), DELIVERED])
    await held.blocks(1)
    await held.commit()
    expect(await recorded).toMatchObject({ status: 'delivered', fenced: true })
    expect(await rig.outcomesOf(id)).toEqual(['1 succeeded'])
    expect(await rig.rowOf(id)).toMatchObject({ status: 'delivered', crash_count: 1 })
  })

  test('whose failure waits behind the sweep is dropped: the log says unknown', async () => {
    const { id } = await delivery(rig)
    const claim = claimOf(await rig.deliveryLog.claim(id, 'token-a'))
    await rig.expireLease(id)
    await rig.makeDueNow(id)
    const held = await holdTransaction(schema)
    await held.stores.sweepStore.takeDue(1)
    const recorded = record(rig, claim, [answered(500), retryIn(60_000)])
    await held.blocks(1)
    await held.commit()
    expect(await recorded).toMatchObject({ status: 'pending', fenced: true, nextAttemptAtMs: null })
    expect(await rig.outcomesOf(id)).toEqual(['1 unknown'])
    expect(await rig.rowOf(id)).toMatchObject({ steps_used: 0, next_in: 1 })
  })

  test('recorded twice at once is recorded once', async () => {
    const { id } = await delivery(rig)
    const claim = claimOf(await rig.deliveryLog.claim(id, 'token-a'))
    const held = await holdTransaction(schema)
    await held.stores.deliveryLog.record({
      claim,
      outcome: answered(500),
      plan: retryIn(60_000),
      durationMs: 1,
    })
    // The answer of the first was lost, and the repeat overtook its commit.
    const again = record(rig, claim, [answered(500), retryIn(60_000)])
    await held.blocks(1)
    await held.commit()
    expect(await again).toMatchObject({ status: 'retrying', fenced: false })
    expect(await rig.rowOf(id)).toMatchObject({ steps_used: 1, next_in: 60 })
  })
})

// Batches that locked their rows in any order deadlocked: 116 in 800. While the last of a batch is held by another
// session, all before it must be locked already.
describe('a batch locks in one order, whoever asks in which order', () => {
  const isLocked = async (id: string) =>
    (await schema.sql('select 1 from deliveries where id = $1 for update skip locked', [id]))
      .length === 0

  test('its deliveries by id, when results are recorded', async () => {
    const eventName = freshEvent()
    await registered(rig, eventName, ['http://127.0.0.1:1/a'])
    await registered(rig, eventName, ['http://127.0.0.1:1/b'])
    const { deliveryIds } = await rig.deliveryLog.accept(triggerOf(eventName))
    const [low = '', high = ''] = deliveryIds.sort()
    // Claimed in this order they also lie in the table in this order.
    const claims = [
      claimOf(await rig.deliveryLog.claim(high, 'token-high')),
      claimOf(await rig.deliveryLog.claim(low, 'token-low')),
    ]
    expect(await isLocked(low)).toBe(false)
    const held = await holdTransaction(schema)
    await held.sql('select 1 from deliveries where id = $1 for update', [high])
    // A success passes over what is held (below): those that wait are results of any other kind.
    const recorded = claims.map((claim) => record(rig, claim, [answered(500), retryIn(60_000)]))
    await held.blocks(1)
    expect(await isLocked(low)).toBe(true)
    await held.rollBack()
    expect((await Promise.all(recorded)).map(({ status }) => status)).toEqual([
      'retrying',
      'retrying',
    ])
  })

  test('its idempotency keys by name, when triggers are accepted', async () => {
    const eventName = freshEvent()
    const held = await holdTransaction(schema)
    await held.stores.deliveryLog.accept(triggerOf(eventName, keyed('order-b')))
    const accepted = ['order-b', 'order-a'].map((key) =>
      rig.deliveryLog.accept(triggerOf(eventName, keyed(key))),
    )
    await held.blocks(1)
    const other = await holdTransaction(schema)
    await other.sql("set local lock_timeout = '100ms'")
    await expect(
      other.stores.deliveryLog.accept(triggerOf(eventName, keyed('order-a'))),
    ).rejects.toMatchObject({ code: LOCK_NOT_AVAILABLE })
    await other.rollBack()
    await held.rollBack()
    expect((await Promise.all(accepted)).map(({ replayed }) => replayed)).toEqual([false, false])
  })
})

test('a success whose delivery somebody else holds is recorded when it is free, its neighbours at once', async () => {
  const eventName = freshEvent()
  await registered(rig, eventName, ['http://127.0.0.1:1/a'])
  await registered(rig, eventName, ['http://127.0.0.1:1/b'])
  const { deliveryIds } = await rig.deliveryLog.accept(triggerOf(eventName))
  const [low = '', high = ''] = deliveryIds.sort()
  const lowClaim = claimOf(await rig.deliveryLog.claim(low, 'token-low'))
  const highClaim = claimOf(await rig.deliveryLog.claim(high, 'token-high'))
  const held = await holdTransaction(schema)
  await held.sql('select 1 from deliveries where id = $1 for update', [low])
  const recorded = [lowClaim, highClaim].map((claim) =>
    record(rig, claim, [answered(200), DELIVERED]),
  )
  await held.blocks(1)
  expect(await rig.rowOf(high)).toMatchObject({ status: 'delivered' })
  expect(await rig.rowOf(low)).toMatchObject({ status: 'pending', leased: true })
  await held.rollBack()
  expect((await Promise.all(recorded)).map(({ status }) => status)).toEqual([
    'delivered',
    'delivered',
  ])
  expect(await rig.outcomesOf(low)).toEqual(['1 succeeded'])
})

test('what one process claims by due time another one passes over, and takes the next', async () => {
  await rig.endAllOpen()
  const made: string[] = []
  for (let index = 0; index < 4; index += 1) made.push((await delivery(rig)).id)
  const held = await holdTransaction(schema)
  const first = await held.stores.deliveryLog.claimDue(['a', 'b'])
  const second = await rig.deliveryLog.claimDue(['c', 'd'])
  expect([first, second].map((claims) => claims.length)).toEqual([2, 2])
  expect([...first, ...second].map(({ deliveryId }) => deliveryId).sort()).toEqual(made.sort())
  // The process died before its commit: the two are due as before.
  await held.rollBack()
  expect(
    (await rig.deliveryLog.claimDue(['e', 'f', 'g'])).map(({ attemptNumber }) => attemptNumber),
  ).toEqual([1, 1])
})
