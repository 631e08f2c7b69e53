// What replaying and cancelling must do, on Postgres and in memory.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  answered,
  claimOf,
  DEAD,
  DELIVERED,
  delivery,
  record,
  type MakeRig,
  type Rig,
} from '../support/store-rig.ts'

export const replayStoreSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`replay and cancel on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())
    const claimed = async (id: string, token = 'token-a') =>
      claimOf(await rig.deliveryLog.claim(id, token))

    test('a dead delivery begins anew, and its attempts are numbered on', async () => {
      const { id } = await delivery(rig)
      await record(rig, await claimed(id), [answered(500), DEAD])
      expect(await rig.replays.replay('default', id)).toEqual({ kind: 'replayed', generation: 1 })
      expect(await rig.rowOf(id)).toMatchObject({
        status: 'pending',
        series: 2,
        steps_used: 0,
        dead_reason: null,
        next_in: 0,
        due_in: 30,
      })
      expect(await claimed(id, 'token-b')).toMatchObject({
        attemptNumber: 2,
        series: 2,
        stepsUsed: 0,
      })
    })

    test('a delivered one may be sent again, and its first success stays on record', async () => {
      const { id } = await delivery(rig)
      await record(rig, await claimed(id), [answered(200), DELIVERED])
      const before = (await rig.reader.delivery('default', id))?.firstDeliveredAt
      expect(await rig.replays.replay('default', id)).toEqual({ kind: 'replayed', generation: 1 })
      await record(rig, await claimed(id, 'token-b'), [answered(200), DELIVERED])
      const after = await rig.reader.delivery('default', id)
      expect(after?.firstDeliveredAt).toEqual(before)
      expect(after?.attempts.map(({ number, series }) => [number, series])).toEqual([
        [1, 1],
        [2, 2],
      ])
    })

    test('one in flight is not, until its lease has ended; what comes late then changes no status', async () => {
      const { id } = await delivery(rig)
      const claim = await claimed(id)
      expect(await rig.replays.replay('default', id)).toEqual({ kind: 'in_flight' })
      await rig.expireLease(id)
      expect(await rig.replays.replay('default', id)).toEqual({ kind: 'replayed', generation: 1 })
      expect(await rig.outcomesOf(id)).toEqual(['1 unknown'])
      expect(await record(rig, claim, [answered(200), DELIVERED])).toMatchObject({
        status: 'pending',
        fenced: true,
      })
      expect(await rig.outcomesOf(id)).toEqual(['1 succeeded'])
    })

    test('a cancelled one is not claimed, and what was on the wire is recorded', async () => {
      const { id } = await delivery(rig)
      const claim = await claimed(id)
      expect(await rig.replays.cancel('default', id)).toBe('cancelled')
      expect(await rig.replays.cancel('default', id)).toBe('ended')
      expect(await record(rig, claim, [answered(500), DEAD])).toMatchObject({ status: 'cancelled' })
      expect(await rig.deliveryLog.claim(id, 'token-b')).toEqual({ kind: 'finished' })
      expect(await rig.outcomesOf(id)).toEqual(['1 failed'])
    })

    test('what belongs to another tenant is not found', async () => {
      const { id } = await delivery(rig)
      expect(await rig.replays.replay('someone', id)).toEqual({ kind: 'not_found' })
      expect(await rig.replays.cancel('someone', id)).toBe('not_found')
      expect((await rig.rowOf(id)).status).toBe('pending')
    })
  })
