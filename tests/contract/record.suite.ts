// What recording a result must do, on Postgres and in memory: fences, and results that come late.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

export const recordSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`recording on ${engine}`, () => {
    let rig: Rig
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
      expect(await rig.rowOf(soon.id)).toMatchObject({
        status: 'retrying',
        steps_used: 1,
        next_in: 60,
        due_in: 90,
        leased: false,
      })
      const late = await claimed()
      await record(rig, late.claim, [answered(500), retryIn(600_001)])
      expect(await rig.rowOf(late.id)).toMatchObject({ next_in: 600, due_in: 600 })
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
      expect((await rig.rowOf(id)).steps_used).toBe(0)
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
      expect((await rig.rowOf(id)).steps_used).toBe(1)
    })

    test('a failure whose lease was lost is dropped: the log says unknown already', async () => {
      const { id, claim } = await claimed()
      await rig.expireLease(id)
      await rig.deliveryLog.claim(id, 'token-b')
      expect(await record(rig, claim, [answered(500), DEAD])).toMatchObject({
        status: 'pending',
        fenced: true,
      })
      expect(await rig.outcomesOf(id)).toEqual(['1 unknown'])
    })

    test('a success whose lease was lost counts: the receiver has it', async () => {
      const { id, claim } = await claimed()
      await rig.expireLease(id)
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
      expect(await rig.outcomesOf(id)).toEqual(['1 succeeded', '2 failed'])
    })

    test.each(['dead', 'cancelled'] as const)(
      'a late success turns %s into delivered',
      async (status) => {
        const { id, claim } = await claimed()
        await rig.patch(id, { status, finished: true, unclaimed: true })
        expect(await record(rig, claim, [answered(200), DELIVERED])).toMatchObject({
          status: 'delivered',
        })
      },
    )

    test('a failure after a cancel is recorded and changes no status', async () => {
      const { id, claim } = await claimed()
      await rig.patch(id, { status: 'cancelled', finished: true })
      expect(await record(rig, claim, [answered(500), retryIn(1_000)])).toMatchObject({
        status: 'cancelled',
        fenced: false,
        nextAttemptAtMs: null,
      })
      expect(await rig.outcomesOf(id)).toEqual(['1 failed'])
    })

    test('a result of an older series is recorded and changes no status', async () => {
      const { id, claim } = await claimed()
      await rig.patch(id, { series: 2, status: 'pending', unclaimed: true })
      expect(await record(rig, claim, [answered(200), DELIVERED])).toMatchObject({
        status: 'pending',
      })
      expect(await rig.outcomesOf(id)).toEqual(['1 succeeded'])
    })

    // O-BODY-5: a NUL in a response made the insert fail, and with it the delivery.
    test('a response of any bytes is kept', async () => {
      const { id, claim } = await claimed()
      const body = Uint8Array.of(0x6f, 0x6b, 0, 0xff, 0xfe)
      await record(rig, claim, [answered(200, body), DELIVERED])
      const [attempt] = (await rig.reader.delivery('default', id))?.attempts ?? []
      expect([...(attempt?.responseBody ?? [])]).toEqual([0x6f, 0x6b, 0, 0xff, 0xfe])
    })

    // A header that spells \u0000 in letters lost them after it was escaped: the rest was no JSON, the result was refused,
    // and a delivery that had arrived was sent again until its crash budget was used up.
    test.each([
      [String.raw`ends with \u0000`, String.raw`ends with \u0000`],
      [String.raw`a\u0000b`, String.raw`a\u0000b`],
      ['a\u0000b', 'ab'],
      ['"quoted"\\', '"quoted"\\'],
      ['żółć', 'żółć'],
    ])('a response header %j is kept as %j', async (value, kept) => {
      const { id, claim } = await claimed()
      const outcome = answered(200)
      if (outcome.kind === 'answered') outcome.response.headers['x-odd'] = value
      expect(await record(rig, claim, [outcome, DELIVERED])).toMatchObject({ status: 'delivered' })
      const [attempt] = (await rig.reader.delivery('default', id))?.attempts ?? []
      expect(attempt?.responseHeaders).toEqual({ 'content-type': 'text/plain', 'x-odd': kept })
    })

    test('for a delivery that retention removed is dropped', async () => {
      const { id, claim } = await claimed()
      await rig.forgetDelivery(id)
      expect(await record(rig, claim, [answered(200), DELIVERED])).toMatchObject({ fenced: true })
    })
  })
