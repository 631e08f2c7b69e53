// What recording a result must do, on every Postgres: fences, and results that come late.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  answered,
  claimOf,
  DEAD,
  DELIVERED,
  delivery,
  expireLease,
  outcomesOf,
  record,
  retryIn,
  rowOf,
  type MakeRig,
  type StoreRig,
} from '../support/store-rig.ts'

export const recordSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`recording on ${engine}`, () => {
    let rig: StoreRig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())
    const claimed = async () => {
      const made = await delivery(rig)
      return { ...made, claim: claimOf(await rig.deliveryLog.claim(made.id, 'token-a')) }
    }

    test('a success ends the delivery', async () => {
      const { id, claim } = await claimed()
      expect(await record(rig, claim, [answered(200), DELIVERED])).toMatchObject({
        status: 'delivered',
        fenced: false,
        nextAttemptAtMs: null,
      })
      expect(await rig.reader.delivery('default', id)).toMatchObject({
        status: 'delivered',
        inFlight: false,
        waiting: null,
        attempts: [
          {
            number: 1,
            series: 1,
            outcome: 'succeeded',
            code: 'http_status',
            statusCode: 200,
            durationMs: 12,
            responseHeaders: { 'content-type': 'text/plain' },
          },
        ],
      })
    })

    test('a failure plans the next attempt: soon in the queue, later in Postgres only', async () => {
      const soon = await claimed()
      const recorded = await record(rig, soon.claim, [answered(500), retryIn(60_000)])
      expect(recorded).toMatchObject({ status: 'retrying', fenced: false })
      expect(Math.round(((recorded.nextAttemptAtMs ?? 0) - recorded.dbNowMs) / 1000)).toBe(60)
      expect(await rowOf(rig, soon.id)).toMatchObject({
        status: 'retrying',
        steps_used: 1,
        next_in: 60,
        due_in: 90,
        leased: false,
      })
      const late = await claimed()
      await record(rig, late.claim, [answered(500), retryIn(600_001)])
      expect(await rowOf(rig, late.id)).toMatchObject({ next_in: 600, due_in: 600 })
    })

    test('a failure that costs no step leaves the schedule where it was', async () => {
      const { id, claim } = await claimed()
      const stale = {
        kind: 'failed',
        code: 'reset',
        detail: 'closed',
        permanent: false,
        staleConnection: true,
      } as const
      await record(rig, claim, [stale, { kind: 'retry', delayMs: 0, usesStep: false }])
      expect((await rowOf(rig, id)).steps_used).toBe(0)
      expect(claimOf(await rig.deliveryLog.claim(id, 'token-b'))).toMatchObject({
        previousWasStale: true,
        attemptNumber: 2,
      })
    })

    test('the end of the schedule is dead', async () => {
      const { id, claim } = await claimed()
      expect(await record(rig, claim, [answered(500), DEAD])).toMatchObject({ status: 'dead' })
      expect(await rig.reader.delivery('default', id)).toMatchObject({
        status: 'dead',
        deadReason: 'schedule_exhausted',
        firstDeliveredAt: null,
      })
    })

    test('the same result again changes nothing', async () => {
      const { id, claim } = await claimed()
      const first = await record(rig, claim, [answered(500), retryIn(60_000)])
      const again = await record(rig, claim, [answered(500), retryIn(60_000)])
      expect(again).toMatchObject({
        status: 'retrying',
        fenced: false,
        nextAttemptAtMs: first.nextAttemptAtMs,
      })
      expect((await rowOf(rig, id)).steps_used).toBe(1)
    })

    test('a failure whose lease was lost is dropped: the log says unknown already', async () => {
      const { id, claim } = await claimed()
      await expireLease(rig, id)
      await rig.deliveryLog.claim(id, 'token-b')
      expect(await record(rig, claim, [answered(500), DEAD])).toMatchObject({
        status: 'pending',
        fenced: true,
      })
      expect(await outcomesOf(rig, id)).toEqual(['1 unknown'])
    })

    test('a success whose lease was lost counts: the receiver has it', async () => {
      const { id, claim } = await claimed()
      await expireLease(rig, id)
      const second = claimOf(await rig.deliveryLog.claim(id, 'token-b'))
      expect(await record(rig, claim, [answered(200), DELIVERED])).toMatchObject({
        status: 'delivered',
        fenced: true,
      })
      // The one still on the wire ends and is recorded, and takes nothing back.
      expect(await record(rig, second, [answered(500), retryIn(1_000)])).toMatchObject({
        status: 'delivered',
        nextAttemptAtMs: null,
      })
      expect(await outcomesOf(rig, id)).toEqual(['1 succeeded', '2 failed'])
    })

    test.each(['dead', 'cancelled'])('a late success turns %s into delivered', async (status) => {
      const { id, claim } = await claimed()
      await rig.sql(
        'update deliveries set status = $2, finished_at = now(), claim_token = null, lease_until = null where id = $1',
        [id, status],
      )
      expect(await record(rig, claim, [answered(200), DELIVERED])).toMatchObject({
        status: 'delivered',
      })
    })

    test('a failure after a cancel is recorded and changes no status', async () => {
      const { id, claim } = await claimed()
      await rig.sql(
        "update deliveries set status = 'cancelled', finished_at = now() where id = $1",
        [id],
      )
      expect(await record(rig, claim, [answered(500), retryIn(1_000)])).toMatchObject({
        status: 'cancelled',
        fenced: false,
        nextAttemptAtMs: null,
      })
      expect(await outcomesOf(rig, id)).toEqual(['1 failed'])
    })

    test('a result of an older series is recorded and changes no status', async () => {
      const { id, claim } = await claimed()
      await rig.sql(
        "update deliveries set series = 2, status = 'pending', claim_token = null, lease_until = null where id = $1",
        [id],
      )
      expect(await record(rig, claim, [answered(200), DELIVERED])).toMatchObject({
        status: 'pending',
      })
      expect(await outcomesOf(rig, id)).toEqual(['1 succeeded'])
    })

    // O-BODY-5: a NUL in a response made the insert fail, and with it the delivery.
    test('a response of any bytes is kept', async () => {
      const { id, claim } = await claimed()
      const body = Uint8Array.of(0x6f, 0x6b, 0, 0xff, 0xfe)
      await record(rig, claim, [answered(200, body), DELIVERED])
      const [attempt] = (await rig.reader.delivery('default', id))?.attempts ?? []
      expect([...(attempt?.responseBody ?? [])]).toEqual([0x6f, 0x6b, 0, 0xff, 0xfe])
    })

    test('for a delivery that retention removed is dropped', async () => {
      const { id, claim } = await claimed()
      await rig.sql('delete from deliveries where id = $1', [id])
      expect(await record(rig, claim, [answered(200), DELIVERED])).toMatchObject({ fenced: true })
    })
  })
