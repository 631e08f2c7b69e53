// When a hand-over gets a generation of its own, on Postgres and in memory: wherever a statement decides on one.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  answered,
  claimOf,
  DEAD,
  DELIVERED,
  delivery,
  record,
  retryIn,
  type MakeRig,
  type Rig,
} from '../support/store-rig.ts'

export const generationSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`generations on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())
    beforeEach(() => rig.endAllOpen())
    const claimed = async (id: string, token = 'token-a') =>
      claimOf(await rig.deliveryLog.claim(id, token))

    test('rise by one with each hand-over: the accept, a retry, the sweep, a replay', async () => {
      const { id } = await delivery(rig)
      expect(await rig.deliveryLog.nextGeneration(id, 0)).toBe(1)
      const retry = await record(rig, await claimed(id), [answered(500), retryIn(1_000)])
      expect(retry.generation).toBe(2)
      await rig.makeDueNow(id)
      expect(await rig.sweepStore.takeDue(10)).toMatchObject([{ deliveryId: id, generation: 3 }])
      await record(rig, await claimed(id, 'token-b'), [answered(500), DEAD])
      expect(await rig.replays.replay('default', id)).toEqual({ kind: 'replayed', generation: 4 })
    })

    test('do not rise with a result that was recorded before: its hand-over is the same one', async () => {
      const { id } = await delivery(rig)
      const claim = await claimed(id)
      const first = await record(rig, claim, [answered(500), retryIn(1_000)])
      const again = await record(rig, claim, [answered(500), retryIn(1_000)])
      expect([first.generation, again.generation]).toEqual([1, 1])
    })

    test('rise once for all copies of a message whose claim was refused', async () => {
      const { id } = await delivery(rig)
      const copies = [0, 0, 0].map((after) => rig.deliveryLog.nextGeneration(id, after))
      expect((await Promise.all(copies)).sort()).toEqual([1, undefined, undefined])
      // A message that comes after newer ones does not hand over, either.
      expect(await rig.deliveryLog.nextGeneration(id, 0)).toBeUndefined()
      expect(await rig.deliveryLog.nextGeneration(id, 1)).toBe(2)
    })

    test('are of no use to a delivery that has ended, or that there never was', async () => {
      const { id } = await delivery(rig)
      await record(rig, await claimed(id), [answered(200), DELIVERED])
      expect(await rig.deliveryLog.nextGeneration(id, 0)).toBeUndefined()
      expect(await rig.deliveryLog.nextGeneration(`dlv_${'0'.repeat(26)}`, 0)).toBeUndefined()
      expect(await rig.deliveryLog.nextGeneration((await delivery(rig)).id, 0)).toBe(1)
    })

    test('rise with the hand-over after a crash, and not where the sweep hands nothing over', async () => {
      const crashed = await delivery(rig)
      await claimed(crashed.id)
      await rig.expireLease(crashed.id)
      await rig.makeDueNow(crashed.id)
      expect(await rig.sweepStore.takeDue(10)).toMatchObject([
        { finding: 'expired_lease', generation: 1 },
      ])
      const flying = await delivery(rig)
      await claimed(flying.id)
      await rig.makeDueNow(flying.id)
      expect(await rig.sweepStore.takeDue(10)).toMatchObject([{ finding: 'in_flight' }])
      expect(await rig.deliveryLog.nextGeneration(flying.id, 0)).toBe(1)
    })
  })
