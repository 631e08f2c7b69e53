// Claims and results that come at the same moment share a commit: each gets its own answer all the same, whatever becomes
// of those beside it.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

export const turnSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`claims and results of one moment on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())

    const claimed = async (token: string) =>
      claimOf(await rig.deliveryLog.claim((await delivery(rig)).id, token))

    test('are answered one by one: what is usual, refused, late and unknown', async () => {
      const [success, failure, lost] = [await claimed('a'), await claimed('b'), await claimed('c')]
      const [free, disabled, finished] = [
        await delivery(rig),
        await delivery(rig),
        await delivery(rig),
      ]
      await rig.webhooks.disable(disabled.webhookId, 'manual')
      await rig.patch(finished.id, { nextInMs: 3_600_000 })
      await rig.expireLease(lost.deliveryId)
      const taken = claimOf(await rig.deliveryLog.claim(lost.deliveryId, 'another'))
      const { deliveryLog } = rig

      const [one, two, three, four, five, six, seven] = await Promise.all([
        record(rig, success, [answered(204), DELIVERED]),
        deliveryLog.claim(free.id, 'd'),
        record(rig, failure, [answered(500), retryIn(60_000)]),
        deliveryLog.claim(disabled.id, 'e'),
        record(rig, lost, [answered(204), DELIVERED]),
        deliveryLog.claim(finished.id, 'f'),
        deliveryLog.claim('dlv_nobody', 'g'),
      ])

      expect(one).toMatchObject({ status: 'delivered', fenced: false, nextAttemptAtMs: null })
      expect(two).toMatchObject({ kind: 'claimed', claim: { deliveryId: free.id, token: 'd' } })
      expect(three).toMatchObject({ status: 'retrying', fenced: false, generation: 1 })
      expect(four).toEqual({ kind: 'parked', reason: 'webhook_disabled' })
      // The receiver did get it, but the attempt that took its place is the one that counts its time.
      expect(five).toMatchObject({ status: 'delivered', fenced: true })
      expect(six.kind).toBe('not_due')
      expect(seven).toEqual({ kind: 'gone' })
      expect(taken.attemptNumber).toBe(2)
      expect(await rig.outcomesOf(success.deliveryId)).toEqual(['1 succeeded'])
      expect(await rig.outcomesOf(failure.deliveryId)).toEqual(['1 failed'])
      expect(await rig.outcomesOf(lost.deliveryId)).toEqual(['1 succeeded'])
      expect(await rig.rowOf(free.id)).toMatchObject({ attempt_count: 1, leased: true })
    })

    test('a success is the same when it is recorded again', async () => {
      const claim = await claimed('a')
      const first = await record(rig, claim, [answered(204), DELIVERED])
      const again = await record(rig, claim, [answered(204), DELIVERED])
      expect(first).toMatchObject({ status: 'delivered', fenced: false })
      expect(again).toMatchObject({ status: 'delivered', fenced: false })
      expect(await rig.outcomesOf(claim.deliveryId)).toEqual(['1 succeeded'])
    })

    test('of one delivery follow one another: its result, then the claim that comes with it', async () => {
      const claim = await claimed('a')
      const [recorded, refusal] = await Promise.all([
        record(rig, claim, [answered(204), DELIVERED]),
        rig.deliveryLog.claim(claim.deliveryId, 'b'),
      ])
      expect(recorded).toMatchObject({ status: 'delivered', fenced: false })
      expect(refusal).toEqual({ kind: 'finished' })
    })
  })
