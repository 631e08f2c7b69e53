// What a replay of many does, on a real Postgres and on PGlite: each step is one transaction of SQL, so that there is
// nothing to imitate in memory.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBulkReplayStore } from '../../lib/postgres/bulk-replay-store.ts'
import type { ReplayFilter } from '../../lib/domain/replay-filter.ts'
import { replayHands, type MadeDead } from '../support/replay-hands.ts'
import { answered, claimOf, DEAD, record, triggerOf, type StoreRig } from '../support/store-rig.ts'

export const bulkReplaySuite = (engine: string, makeRig: () => Promise<StoreRig>): unknown =>
  describe(`replays of many on ${engine}`, () => {
    let rig: StoreRig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())

    const { freshTenant, dead, start, noPause, runToEnd, seriesOf, balanced } = replayHands(
      () => rig,
      engine,
    )

    test('every delivery that matches begins one new series, batch after batch', async () => {
      const tenant = freshTenant()
      const { eventName, deliveries } = await dead(tenant, 5)
      await dead(tenant, 2)
      const { id } = await start(tenant, { status: 'dead', eventName })
      expect(await runToEnd(2)).toEqual([2, 2, 1])
      expect(await seriesOf(tenant)).toEqual([
        [1, 2],
        [2, 5],
      ])
      expect(await rig.rowOf(deliveries[0] ?? '')).toMatchObject({
        status: 'pending',
        steps_used: 0,
        dead_reason: null,
        next_in: 0,
        due_in: 30,
      })
      expect(await rig.bulkReplays.find(tenant, id)).toMatchObject({
        status: 'finished',
        total: 5,
        replayed: 5,
        skipped: 0,
        filter: { status: 'dead', eventName },
        finishedAt: expect.any(Date) as Date,
      })
      expect(await balanced(tenant)).toBe(true)
    })

    test.each<[string, (made: MadeDead) => Promise<ReplayFilter> | ReplayFilter]>([
      ['ids', ({ deliveries: [first = '', , third = ''] }) => ({ ids: [third, first] })],
      ['a webhook and a status', ({ webhook }) => ({ webhookId: webhook.id, status: 'dead' })],
      [
        'a message',
        async ({ deliveries: [first = ''], webhook }) => {
          const found = await rig.reader.delivery(webhook.tenant, first)
          return { messageId: found?.messageId }
        },
      ],
      [
        'a time until now',
        () => ({ from: new Date(Date.now() - 60_000), to: new Date(Date.now() + 60_000) }),
      ],
      ['a time that is over', () => ({ to: new Date(Date.now() - 60_000) })],
      ['another status', () => ({ status: 'delivered' })],
      ['ids that are not there', () => ({ ids: [`dlv_${'0'.repeat(26)}`] })],
    ])('a filter by %s replays what it counts', async (_name, filterOf) => {
      const counts: Record<string, number> = {
        ids: 2,
        'a webhook and a status': 3,
        'a message': 1,
        'a time until now': 3,
        'a time that is over': 0,
        'another status': 0,
        'ids that are not there': 0,
      }
      const tenant = freshTenant()
      const filter = await filterOf(await dead(tenant, 3))
      const expected = counts[_name] ?? -1
      expect(await rig.bulkReplays.count(tenant, filter)).toBe(expected)
      expect(await seriesOf(tenant)).toEqual([[1, 3]])
      const { id } = await start(tenant, filter)
      await runToEnd()
      expect(await rig.bulkReplays.find(tenant, id)).toMatchObject({
        status: 'finished',
        total: expected,
        replayed: expected,
      })
      const again = (await seriesOf(tenant)).find(([series]) => series === 2)
      expect(again?.[1] ?? 0).toBe(expected)
    })

    test('what is in flight is skipped and counted, and so is what belongs to a removed webhook', async () => {
      const tenant = freshTenant()
      const { eventName, webhook } = await dead(tenant, 2)
      const gone = await dead(tenant, 1)
      await rig.webhooks.remove({ tenant, eventName: gone.eventName, id: gone.webhook.id })
      const { deliveryIds } = await rig.deliveryLog.accept(triggerOf(eventName, { tenant }))
      await rig.deliveryLog.claim(deliveryIds[0] ?? '', 'token-in-flight')
      const { id } = await start(tenant, { from: new Date(0) })
      await runToEnd()
      expect(await rig.bulkReplays.find(tenant, id)).toMatchObject({
        total: 4,
        replayed: 2,
        skipped: 2,
      })
      expect(await rig.rowOf(deliveryIds[0] ?? '')).toMatchObject({ series: 1, leased: true })
      expect(await rig.rowOf(gone.deliveries[0] ?? '')).toMatchObject({ status: 'dead', series: 1 })
      expect(webhook.status).toBe('enabled')
    })

    test('what is accepted after it was started does not belong to it', async () => {
      const tenant = freshTenant()
      const { eventName } = await dead(tenant, 2)
      const { id } = await start(tenant, { eventName })
      const { deliveryIds } = await rig.deliveryLog.accept(triggerOf(eventName, { tenant }))
      await runToEnd()
      expect(await rig.bulkReplays.find(tenant, id)).toMatchObject({ total: 2, replayed: 2 })
      expect((await rig.rowOf(deliveryIds[0] ?? '')).series).toBe(1)
    })

    test('one that died again behind the cursor is not taken a second time', async () => {
      const tenant = freshTenant()
      const { deliveries } = await dead(tenant, 2)
      await start(tenant, { status: 'dead' })
      await noPause()
      expect(await rig.bulkReplays.step(1)).toMatchObject({
        deliveries: [{ deliveryId: deliveries[0], generation: 1 }],
      })
      const claim = claimOf(await rig.deliveryLog.claim(deliveries[0] ?? '', 'token-again'))
      await record(rig, claim, [answered(500), DEAD])
      await runToEnd(1)
      expect(await seriesOf(tenant)).toEqual([[2, 2]])
    })

    test('an expired lease is written as an unknown attempt first', async () => {
      const tenant = freshTenant()
      const { eventName } = await dead(tenant, 0)
      const { deliveryIds } = await rig.deliveryLog.accept(triggerOf(eventName, { tenant }))
      const [id = ''] = deliveryIds
      await rig.deliveryLog.claim(id, 'token-lost')
      await rig.expireLease(id)
      await start(tenant, { eventName })
      await runToEnd()
      expect(await rig.outcomesOf(id)).toEqual(['1 unknown'])
      expect(await rig.rowOf(id)).toMatchObject({ series: 2, leased: false })
    })

    test('a batch is followed by the pause that its rate asks for', async () => {
      const tenant = freshTenant()
      await dead(tenant, 3)
      await start(tenant, { status: 'dead' })
      await noPause()
      const slow = makeBulkReplayStore(rig.database, { graceMs: 30_000, perSecond: 0.1 })
      expect(await slow.step(2)).toMatchObject({ kind: 'batch', finished: false })
      // Two deliveries at one in ten seconds.
      const idle = await slow.step(2)
      const nextInMs = idle.kind === 'idle' ? (idle.nextInMs ?? 0) : 0
      expect(nextInMs).toBeGreaterThan(10_000)
      expect(nextInMs).toBeLessThanOrEqual(20_000)
      expect(await seriesOf(tenant)).toEqual([
        [1, 1],
        [2, 2],
      ])
      await runToEnd()
      expect(await rig.bulkReplays.step(2)).toEqual({ kind: 'idle', nextInMs: null })
    })

    test('another tenant sees neither the replay nor its deliveries', async () => {
      const tenant = freshTenant()
      const { deliveries } = await dead(tenant, 1)
      const { id } = await start(tenant, { ids: deliveries })
      const other = freshTenant()
      expect(await rig.bulkReplays.find(other, id)).toBeUndefined()
      expect(await rig.bulkReplays.count(other, { ids: deliveries })).toBe(0)
      await runToEnd()
    })
  })
