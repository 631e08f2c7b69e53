// What the sweep's selection must do, on Postgres and in memory.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  answered,
  claimOf,
  DELIVERED,
  delivery,
  record,
  type MakeRig,
  type Rig,
} from '../support/store-rig.ts'

export const sweepStoreSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`sweeping on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())
    beforeEach(() => rig.endAllOpen())

    test('takes what is due, once, and asks later each time', async () => {
      const { id } = await delivery(rig)
      expect(await rig.sweepStore.takeDue(10)).toEqual([])
      const pushes: number[] = []
      for (let probe = 1; probe <= 8; probe += 1) {
        await rig.makeDueNow(id)
        expect(await rig.sweepStore.takeDue(10)).toEqual([
          { deliveryId: id, finding: 'unqueued', probes: probe, delayMs: 0 },
        ])
        pushes.push((await rig.rowOf(id)).due_in)
      }
      // Steps of 30 s that double, up to 64 graces.
      expect(pushes).toEqual([30, 60, 120, 240, 480, 960, 1_920, 1_920])
      expect(await rig.sweepStore.takeDue(10)).toEqual([])
    })

    test('leaves an attempt that is under way, until its lease ends', async () => {
      const { id } = await delivery(rig)
      await rig.deliveryLog.claim(id, 'token-a')
      await rig.makeDueNow(id)
      expect(await rig.sweepStore.takeDue(10)).toMatchObject([{ finding: 'in_flight' }])
      expect((await rig.rowOf(id)).due_in).toBeLessThanOrEqual(2)
      expect(await rig.outcomesOf(id)).toEqual([])
    })

    test('writes an expired lease as unknown and makes the delivery due after a second', async () => {
      const { id } = await delivery(rig)
      await rig.deliveryLog.claim(id, 'token-a')
      await rig.expireLease(id)
      await rig.makeDueNow(id)
      expect(await rig.sweepStore.takeDue(10)).toMatchObject([
        { finding: 'expired_lease', delayMs: 1_000 },
      ])
      expect(await rig.outcomesOf(id)).toEqual(['1 unknown'])
      expect(await rig.rowOf(id)).toMatchObject({
        status: 'pending',
        crash_count: 1,
        steps_used: 0,
        next_in: 1,
        due_in: 31,
        leased: false,
      })
    })

    test('ends a delivery whose crash budget is used up', async () => {
      const { id } = await delivery(rig)
      await rig.deliveryLog.claim(id, 'token-a')
      await rig.patch(id, { crashCount: 5 })
      await rig.expireLease(id)
      await rig.makeDueNow(id)
      expect(await rig.sweepStore.takeDue(10)).toMatchObject([{ finding: 'crash_budget' }])
      expect(await rig.rowOf(id)).toMatchObject({ status: 'dead', dead_reason: 'crash_budget' })
    })

    test('cancels what belongs to a removed webhook', async () => {
      const { id, webhookId } = await delivery(rig)
      await rig.deleteWebhookAlone(webhookId)
      await rig.makeDueNow(id)
      expect(await rig.sweepStore.takeDue(10)).toMatchObject([{ finding: 'cancelled' }])
      expect((await rig.rowOf(id)).status).toBe('cancelled')
    })

    test('looks after parked deliveries every hour, and lets them go when the webhook is enabled', async () => {
      const { id, webhookId, eventName } = await delivery(rig)
      await rig.webhooks.disable(webhookId, 'gone')
      await rig.deliveryLog.claim(id, 'token-a')
      await rig.makeDueNow(id)
      expect(await rig.sweepStore.takeDue(10)).toMatchObject([{ finding: 'parked' }])
      expect(await rig.rowOf(id)).toMatchObject({ parked: 'webhook_disabled', due_in: 3_600 })
      await rig.webhooks.change(
        { tenant: 'default', eventName, id: webhookId },
        { status: 'enabled' },
      )
      await rig.makeDueNow(id)
      expect(await rig.sweepStore.takeDue(10)).toMatchObject([{ finding: 'unqueued', delayMs: 0 }])
      expect(await rig.rowOf(id)).toMatchObject({ parked: null, next_in: 0 })
    })

    test('by two at once takes each delivery once', async () => {
      const made = [
        await delivery(rig),
        await delivery(rig),
        await delivery(rig),
        await delivery(rig),
      ]
      for (const { id } of made) await rig.makeDueNow(id)
      const taken = await Promise.all([rig.sweepStore.takeDue(3), rig.sweepStore.takeDue(3)])
      const ids = taken.flat().map(({ deliveryId }) => deliveryId)
      expect([...ids].sort()).toEqual(made.map(({ id }) => id).sort())
    })

    test('after a loss of Redis makes due what the queue should hold, and nothing else', async () => {
      const queued = await delivery(rig)
      const backoff = await delivery(rig)
      await rig.patch(backoff.id, { nextInMs: 300_000, dueInMs: 330_000 })
      const late = await delivery(rig)
      await rig.patch(late.id, { nextInMs: 3_600_000, dueInMs: 3_600_000 })
      const flying = await delivery(rig)
      await rig.deliveryLog.claim(flying.id, 'token-a')
      let after: string | undefined
      let count = 0
      do {
        const step = await rig.sweepStore.makeDue(1, after)
        count += step.count
        after = step.next
      } while (after !== undefined)
      expect(count).toBe(2)
      const taken = await rig.sweepStore.takeDue(10)
      expect(taken.map(({ deliveryId }) => deliveryId).sort()).toEqual(
        [queued.id, backoff.id].sort(),
      )
      expect(taken.map(({ delayMs }) => Math.round(delayMs / 60_000)).sort()).toEqual([0, 5])
    })

    // The keyset once lay on the due time, which taking a row pushes: a repair of 1,000 rows met its own rows again and
    // never came to an end.
    test('makes each delivery due once, although taking it pushes its due time past the rest', async () => {
      for (let n = 0; n < 3; n += 1) await delivery(rig)
      let after: string | undefined
      let count = 0
      for (let step = 0; step < 10; step += 1) {
        const answer = await rig.sweepStore.makeDue(1, after)
        count += answer.count
        await rig.sweepStore.takeDue(10)
        after = answer.next
        if (after === undefined) break
      }
      expect(after).toBeUndefined()
      expect(count).toBe(3)
    })

    test('raises its counter and never lowers it', async () => {
      const before = await rig.sweepStore.incarnation()
      await rig.sweepStore.raiseIncarnation(before + 5)
      await rig.sweepStore.raiseIncarnation(before + 2)
      expect(await rig.sweepStore.incarnation()).toBe(before + 5)
    })

    test('removes old messages with all that belongs to them, and never an open delivery', async () => {
      const done = await delivery(rig)
      await record(rig, claimOf(await rig.deliveryLog.claim(done.id, 'token-a')), [
        answered(200),
        DELIVERED,
      ])
      const open = await delivery(rig)
      const young = await delivery(rig)
      await rig.ageMessages([done.accepted.messageId, open.accepted.messageId], 31)
      expect(await rig.sweepStore.prune(500, 'msg_~')).toBe(1)
      expect(await rig.reader.message('default', done.accepted.messageId)).toBeUndefined()
      expect(await rig.outcomesOf(done.id)).toEqual([])
      expect(await rig.reader.delivery('default', open.id)).toBeDefined()
      expect(await rig.reader.delivery('default', young.id)).toBeDefined()
      await rig.sweepStore.finished()
      expect(await rig.hasSwept()).toBe(true)
    })
  })
