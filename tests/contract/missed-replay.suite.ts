// What a replay makes of messages that a webhook missed while it was disabled, on a real Postgres and on PGlite.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ReplayFilter } from '../../lib/domain/replay-filter.ts'
import { replayHands } from '../support/replay-hands.ts'
import {
  answered,
  claimOf,
  DELIVERED,
  freshEvent,
  ids,
  record,
  registered,
  triggerOf,
  type StoreRig,
} from '../support/store-rig.ts'

export const missedReplaySuite = (engine: string, makeRig: () => Promise<StoreRig>): unknown =>
  describe(`replays of what a webhook missed on ${engine}`, () => {
    let rig: StoreRig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())
    const { freshTenant, start, noPause, runToEnd, balanced } = replayHands(
      () => rig,
      `${engine}-missed`,
    )

    const pausedWebhook = async (tenant: string) => {
      const eventName = freshEvent()
      const key = { tenant, eventName }
      const one = await registered(rig, eventName, ['http://127.0.0.1:4000/one', tenant])
      const two = await registered(rig, eventName, ['http://127.0.0.1:4000/two', tenant])
      const fire = () => rig.deliveryLog.accept(triggerOf(eventName, { tenant }))
      await fire()
      await rig.webhooks.change({ ...key, id: one.id }, { status: 'disabled' })
      const missed = [await fire(), await fire()]
      await rig.webhooks.change({ ...key, id: one.id }, { status: 'enabled' })
      await fire()
      return { one, two, missed, eventName, fire }
    }

    test('are offered as many as there are, by a look that has an end', async () => {
      const tenant = freshTenant()
      const { one, two, fire } = await pausedWebhook(tenant)
      const missedNow = (id: string, limit: number) => rig.bulkReplays.missedNow(tenant, id, limit)
      expect(await missedNow(one.id, 100)).toEqual({ messages: 2, capped: false })
      expect(await missedNow(two.id, 100)).toEqual({ messages: 0, capped: false })
      expect(await missedNow('wh_nobody', 100)).toEqual({ messages: 0, capped: false })
      expect(await rig.bulkReplays.missedNow('other', one.id, 100)).toEqual({
        messages: 0,
        capped: false,
      })
      // Newest first: what it got after the pause is looked at before what it missed.
      await fire()
      expect(await missedNow(one.id, 3)).toEqual({ messages: 1, capped: true })
      await start(tenant, { webhookId: one.id, missed: true })
      await runToEnd(10)
      expect(await missedNow(one.id, 100)).toEqual({ messages: 0, capped: false })
    })

    test('makes the deliveries, once, and what the messages say of their number stays right', async () => {
      const tenant = freshTenant()
      const { one, missed } = await pausedWebhook(tenant)
      expect(await rig.bulkReplays.count(tenant, { webhookId: one.id, missed: true })).toBe(2)
      const first = await start(tenant, { webhookId: one.id, missed: true })
      expect(await runToEnd(1)).toEqual([1, 1, 0])
      expect(await rig.bulkReplays.find(tenant, first.id)).toMatchObject({
        total: 2,
        replayed: 2,
        status: 'finished',
      })
      const message = await rig.reader.message(tenant, missed[0]?.messageId ?? '')
      expect(message?.deliveries.map(({ webhookUrl }) => webhookUrl).sort()).toEqual([
        'http://127.0.0.1:4000/one',
        'http://127.0.0.1:4000/two',
      ])
      expect(await balanced(tenant)).toBe(true)
      const second = await start(tenant, { webhookId: one.id, missed: true })
      await runToEnd()
      expect(await rig.bulkReplays.find(tenant, second.id)).toMatchObject({
        total: 0,
        replayed: 0,
      })
    })

    test('can be delivered like any other', async () => {
      const tenant = freshTenant()
      const { one } = await pausedWebhook(tenant)
      await start(tenant, { webhookId: one.id, missed: true })
      await noPause()
      const step = await rig.bulkReplays.step(10)
      const id = step.kind === 'batch' ? (step.deliveries[0]?.deliveryId ?? '') : ''
      const claim = claimOf(await rig.deliveryLog.claim(id, 'token-missed'))
      expect(claim).toMatchObject({ webhookUrl: 'http://127.0.0.1:4000/one', attemptNumber: 1 })
      expect(await record(rig, claim, [answered(200), DELIVERED])).toMatchObject({
        status: 'delivered',
      })
      await runToEnd()
    })

    test('is nothing of other events, from before it was registered, or that was meant for another alone', async () => {
      const tenant = freshTenant()
      const { one, two, eventName } = await pausedWebhook(tenant)
      await rig.deliveryLog.accept(triggerOf(freshEvent(), { tenant }))
      await rig.webhooks.change({ tenant, eventName, id: one.id }, { status: 'disabled' })
      await rig.deliveryLog.accept(
        triggerOf(eventName, {
          tenant,
          onlyWebhookId: two.id,
          payload: Buffer.from(JSON.stringify({ test: true, eventName, webhookId: two.id })),
        }),
      )
      expect(await rig.bulkReplays.count(tenant, { webhookId: one.id, missed: true })).toBe(2)
      expect(await rig.bulkReplays.count(tenant, { webhookId: two.id, missed: true })).toBe(0)
      const { id } = await start(tenant, { webhookId: one.id, missed: true })
      await runToEnd()
      expect(await rig.bulkReplays.find(tenant, id)).toMatchObject({ replayed: 2 })
    })

    test('lies within the times of the filter', async () => {
      const tenant = freshTenant()
      const { one, missed } = await pausedWebhook(tenant)
      const first = missed[0]?.messageId ?? ''
      await rig.sql(
        "update messages set created_at = created_at - interval '1 minute' where id = $1",
        [first],
      )
      await rig.sql(
        "update webhook_pauses set began_at = began_at - interval '2 minutes' where webhook_id = $1",
        [one.id],
      )
      await rig.sql(
        "update webhooks set created_at = created_at - interval '1 hour' where id = $1",
        [one.id],
      )
      const cut = new Date(Date.now() - 30_000)
      const of = (range: ReplayFilter) =>
        rig.bulkReplays.count(tenant, { webhookId: one.id, missed: true, ...range })
      expect([await of({}), await of({ from: cut }), await of({ to: cut })]).toEqual([2, 1, 1])
    })

    test('is asked for in vain where there is no such webhook; one removed later ends the replay', async () => {
      const tenant = freshTenant()
      const { one, eventName } = await pausedWebhook(tenant)
      const filter: ReplayFilter = { webhookId: one.id, missed: true }
      expect(await rig.bulkReplays.count(freshTenant(), filter)).toBeUndefined()
      expect(
        await rig.bulkReplays.create({ id: ids.replay(), tenant: freshTenant(), filter }),
      ).toBeUndefined()
      const { id } = await start(tenant, filter)
      await rig.webhooks.remove({ tenant, eventName, id: one.id })
      await runToEnd()
      expect(await rig.bulkReplays.find(tenant, id)).toMatchObject({
        status: 'finished',
        total: 2,
        replayed: 0,
      })
    })
  })
