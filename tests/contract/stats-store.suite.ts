// The figures over time, on both kinds of Postgres: what is rolled up and what is not yet must say the same.

import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeReadStats, type Stats } from '../../lib/broker/stats.ts'
import { makeId } from '../../lib/domain/ids.ts'
import {
  answered,
  claimOf,
  DEAD,
  DELIVERED,
  freshEvent,
  record,
  registered,
  retryIn,
  triggerOf,
  type StoreRig,
} from '../support/store-rig.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

/** Everything that happened so far happened so long ago. */
const age = (rig: StoreRig, tenant: string, ms: number) =>
  rig.sql(
    `with moved as (
       update deliveries set created_at = created_at - $2 * interval '1 ms',
         finished_at = finished_at - $2 * interval '1 ms'
       where tenant = $1 returning id
     )
     update attempts a set finished_at = a.finished_at - $2 * interval '1 ms' from moved m where a.delivery_id = m.id`,
    [tenant, ms],
  )

/** An id whose time is as old as its row, as it would have been. */
const messageAt = (atMs: number) => makeId('msg', atMs, randomBytes(16))

export const statsStoreSuite = (engine: string, makeRig: () => Promise<StoreRig>): unknown =>
  describe(`figures on ${engine}`, () => {
    let rig: StoreRig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())

    /** Three deliveries of two webhooks, `ageMs` ago: one delivered after a failure, one dead, one open. */
    const happened = async (tenant: string, eventName: string, ageMs: number) => {
      const [first, second] = await Promise.all(
        ['a', 'b'].map((path) =>
          registered(rig, eventName, [`http://127.0.0.1:1/${path}`, tenant]),
        ),
      )
      const messageId = messageAt(Date.now() - ageMs)
      await rig.deliveryLog.accept(triggerOf(eventName, { tenant, messageId }))
      const { deliveries } = await rig.reader.deliveries({ tenant, messageId, pageSize: 10 })
      const idOf = (webhookId = '') =>
        deliveries.find((delivery) => delivery.webhookId === webhookId)?.id ?? ''
      const attempt = async (id: string, result: Parameters<typeof record>[2]) => {
        await rig.makeDueNow(id)
        await record(rig, claimOf(await rig.deliveryLog.claim(id, randomUUID())), result)
      }
      await attempt(idOf(first?.id), [answered(500), retryIn(1)])
      await attempt(idOf(first?.id), [answered(200), DELIVERED])
      await attempt(idOf(second?.id), [answered(500), DEAD])
      const open = messageAt(Date.now() - ageMs)
      await rig.sql("update webhooks set status = 'disabled' where id = $1", [second?.id])
      await rig.deliveryLog.accept(triggerOf(eventName, { tenant, messageId: open }))
      await rig.sql("update webhooks set status = 'enabled' where id = $1", [second?.id])
      if (ageMs > 0) await age(rig, tenant, ageMs)
      return { first: first?.id ?? '', second: second?.id ?? '' }
    }

    const EXPECTED = {
      accepted: 3,
      delivered: 1,
      failed: 2,
      dead: 1,
      successRate: 0.3333,
      // 12 ms by the rig, in the bucket from 11 to 15
      p50Ms: 14,
      p95Ms: 16,
    }
    const figures = ({ totals, events, webhooks, buckets }: Stats) => ({
      totals,
      events,
      webhooks: webhooks.map(({ webhookId, accepted, delivered, failed, dead }) => ({
        webhookId,
        accepted,
        delivered,
        failed,
        dead,
      })),
      filled: buckets.filter(({ accepted, failed }) => accepted + failed > 0),
    })

    test('counts what is not rolled up from the log itself', async () => {
      const tenant = `tenant-${freshEvent()}`
      const eventName = freshEvent()
      const { first, second } = await happened(tenant, eventName, 0)
      const stats = await makeReadStats(rig)({ tenant })
      expect(stats.step).toBe(60)
      expect(stats.open).toEqual({
        count: 1,
        capped: false,
        oldestDueAt: expect.any(Date) as Date,
      })
      const { filled, ...sums } = figures(stats)
      expect(sums).toEqual({
        totals: EXPECTED,
        events: [{ eventName, ...EXPECTED }],
        webhooks: [
          { webhookId: first, accepted: 2, delivered: 1, failed: 1, dead: 0 },
          { webhookId: second, accepted: 1, delivered: 0, failed: 1, dead: 1 },
        ],
      })
      // One minute, or two when the minute ended meanwhile.
      expect(filled.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(3)
      expect(filled.reduce((sum, { dead }) => sum + dead, 0)).toBe(1)
    })

    test('says the same after the roll-up as before, per minute and per hour', async () => {
      const tenant = `tenant-${freshEvent()}`
      const eventName = freshEvent()
      const { first } = await happened(tenant, eventName, 2 * HOUR_MS)
      await happened(tenant, freshEvent(), 0)
      const read = (more: object = {}) =>
        makeReadStats(rig)({ tenant, from: new Date(Date.now() - 3 * HOUR_MS), stepS: 60, ...more })
      const aWhileAgo = await rig.sql<{ n: number }>(
        "update stats_progress set rolled_until = date_trunc('hour', now() - interval '4 hours') returning 1 as n",
      )
      expect(aWhileAgo).toHaveLength(1)
      const questions = [{}, { eventName }, { webhookId: first }, { stepS: 3_600 }]
      const before = await Promise.all(questions.map(async (more) => figures(await read(more))))
      let rounds = 0
      while (await rig.stats.rollUp()) rounds += 1
      expect(rounds).toBeGreaterThanOrEqual(3)
      const { rolledUntilMs, nowMs } = await rig.stats.progress()
      expect(nowMs - rolledUntilMs).toBeGreaterThanOrEqual(2 * MINUTE_MS)
      expect(nowMs - rolledUntilMs).toBeLessThanOrEqual(4 * MINUTE_MS)
      const after = await Promise.all(questions.map(async (more) => figures(await read(more))))
      expect(after).toEqual(before)
      expect(after[0]?.totals).toMatchObject({ accepted: 6, delivered: 2, failed: 4, dead: 2 })
      expect(after[1]?.totals).toEqual(EXPECTED)
      expect(after[2]?.totals).toMatchObject({ accepted: 2, delivered: 1, failed: 1, dead: 0 })
      // Rolled up, not counted anew: without the log the old half is still there.
      await rig.sql('delete from deliveries where tenant = $1 and event_name = $2', [
        tenant,
        eventName,
      ])
      expect(figures(await read({ eventName })).totals).toEqual(EXPECTED)
    })

    test('rolling up again replaces what was there', async () => {
      const tenant = `tenant-${freshEvent()}`
      await happened(tenant, freshEvent(), 2 * HOUR_MS)
      for (let round = 0; round < 2; round += 1) {
        await rig.sql(
          "update stats_progress set rolled_until = date_trunc('hour', now() - interval '3 hours')",
        )
        while (await rig.stats.rollUp());
      }
      const { totals } = await makeReadStats(rig)({
        tenant,
        from: new Date(Date.now() - 3 * HOUR_MS),
      })
      expect(totals).toEqual(EXPECTED)
    })

    test('shows a tenant nothing of another, nor a webhook under another event', async () => {
      const tenant = `tenant-${freshEvent()}`
      const { first } = await happened(tenant, freshEvent(), 0)
      const read = makeReadStats(rig)
      for (const query of [
        { tenant: `tenant-${freshEvent()}` },
        { tenant: `tenant-${freshEvent()}`, webhookId: first },
        { tenant, webhookId: first, eventName: freshEvent() },
      ]) {
        const stats = await read(query)
        expect(stats.totals).toMatchObject({ accepted: 0, delivered: 0, failed: 0, p50Ms: null })
        expect([stats.events, stats.webhooks, stats.open.count]).toEqual([[], [], 0])
      }
      expect((await read({ tenant, webhookId: first })).totals.accepted).toBe(2)
    })

    test('minutes are forgotten after three days and an hour, hours after the retention', async () => {
      const insert = (step: number, age: string) =>
        rig.sql(
          `insert into stats_buckets (step, at, tenant, event_name, webhook_id, accepted, succeeded, failed, dead, latency)
           values ($1, date_trunc('hour', now()) - $2::interval, 'old', '', '', 1, 0, 0, 0, '{}')`,
          [step, age],
        )
      await insert(60, '3 days')
      await insert(60, '3 days 5 hours')
      await insert(3_600, '29 days')
      await insert(3_600, '31 days')
      await rig.sql(
        "update stats_progress set rolled_until = date_trunc('hour', now() - interval '1 hour' - interval '3 minutes')",
      )
      while (await rig.stats.rollUp());
      const rows = await rig.sql<{ step: number; days: number }>(
        "select step, extract(day from date_trunc('hour', now()) - at)::int as days from stats_buckets where tenant = 'old' order by step",
      )
      expect(rows).toEqual([
        { step: 60, days: 3 },
        { step: 3_600, days: 29 },
      ])
    })
  })
