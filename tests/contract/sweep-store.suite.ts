// What the sweep's selection must do, on Postgres and in memory.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  answered,
  claimOf,
  DELIVERED,
  delivery,
  record,
  retryIn,
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
          { deliveryId: id, finding: 'unqueued', probes: probe, generation: probe, delayMs: 0 },
        ])
        pushes.push((await rig.rowOf(id)).due_in)
      }
      // Steps of 30 s that double, up to 64 graces.
      expect(pushes).toEqual([30, 60, 120, 240, 480, 960, 1_920, 1_920])
      expect(await rig.sweepStore.takeDue(10)).toEqual([])
    })

    test('takes no more than asked, the longest due first', async () => {
      const made = [await delivery(rig), await delivery(rig), await delivery(rig)].map(
        ({ id }) => id,
      )
      for (const [index, id] of made.entries())
        await rig.patch(id, { dueInMs: -1_000 * (index + 1) })
      expect((await rig.sweepStore.takeDue(1)).map(({ deliveryId }) => deliveryId)).toEqual([
        made[2],
      ])
      expect((await rig.sweepStore.takeDue(1)).map(({ deliveryId }) => deliveryId)).toEqual([
        made[1],
      ])
      expect((await rig.sweepStore.takeDue(5)).map(({ deliveryId }) => deliveryId)).toEqual([
        made[0],
      ])
    })

    test('says how long a delivery in backoff has to wait', async () => {
      const { id } = await delivery(rig)
      await rig.patch(id, { nextInMs: 45_000, dueInMs: -1_000 })
      const [due] = await rig.sweepStore.takeDue(10)
      expect(due).toMatchObject({ deliveryId: id, finding: 'unqueued' })
      expect(Math.round((due?.delayMs ?? 0) / 1_000)).toBe(45)
      // Asked for again a grace after that, not after now.
      expect((await rig.rowOf(id)).due_in).toBe(75)
    })

    test('forgets what it asked for in vain once an attempt was made', async () => {
      const { id } = await delivery(rig)
      await rig.makeDueNow(id)
      await rig.sweepStore.takeDue(10)
      const claim = claimOf(await rig.deliveryLog.claim(id, 'token-a'))
      await record(rig, claim, [answered(500), retryIn(60_000)])
      await rig.makeDueNow(id)
      expect(await rig.sweepStore.takeDue(10)).toMatchObject([{ probes: 1 }])
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

    test('a success that comes after the crash budget was used up counts all the same', async () => {
      const { id } = await delivery(rig)
      const claim = claimOf(await rig.deliveryLog.claim(id, 'token-a'))
      await rig.patch(id, { crashCount: 5 })
      await rig.expireLease(id)
      await rig.makeDueNow(id)
      await rig.sweepStore.takeDue(10)
      expect(await record(rig, claim, [answered(200), DELIVERED])).toMatchObject({
        status: 'delivered',
        fenced: true,
      })
      expect(await rig.rowOf(id)).toMatchObject({ status: 'delivered', dead_reason: null })
      expect(await rig.outcomesOf(id)).toEqual(['1 succeeded'])
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
  })
