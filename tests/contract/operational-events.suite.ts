// What the log notes of its own accord, on Postgres and in memory: which changes are told, to whom, and never twice.
// Over 250 lines because every kind of event is read by the same eyes, which are set up once.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NotedEvent } from '../../lib/domain/operational-event.ts'
import {
  answered,
  claimOf,
  DEAD,
  DELIVERED,
  freshEvent,
  GONE,
  record,
  registered,
  retryIn,
  triggerOf,
  type MakeRig,
  type Rig,
} from '../support/store-rig.ts'

const URL = 'http://127.0.0.1:1/hook?token=secret'

export const operationalEventsSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`operational events on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())

    /** A tenant that is registered for operational events, with a webhook of an event of its own. */
    const tenantWith = async (...names: NotedEvent['name'][]) => {
      const tenant = `tenant-${freshEvent()}`
      for (const name of names) await registered(rig, name, [`http://127.0.0.1:1/${name}`, tenant])
      const webhook = await registered(rig, 'e', [URL, tenant])
      const key = { tenant, eventName: 'e', id: webhook.id }
      const about = { webhookId: webhook.id, eventName: 'e', webhookUrl: URL }
      const claimed = async (eventName = 'e') => {
        const { deliveryIds } = await rig.deliveryLog.accept(triggerOf(eventName, { tenant }))
        const id = deliveryIds[0] ?? ''
        return claimOf(await rig.deliveryLog.claim(id, `token-${id}`))
      }
      return { tenant, webhook, key, about, claimed }
    }
    /** What was noted since the last time: taken and gone. */
    const takeAll = async () => {
      const taken = await rig.operationalEvents.take(1_000)
      await rig.operationalEvents.published(taken.map(({ id }) => id))
      return taken
    }
    const notedFor = async (tenant: string) =>
      (await takeAll())
        .filter((event) => event.tenant === tenant)
        .map(({ name, data }) => ({ name, data }))

    describe('a webhook that is disabled', () => {
      test('by a person, because it failed for days, or by a 410 is told each time with the reason', async () => {
        const { tenant, key, about, claimed } = await tenantWith('broker.webhook.disabled')
        const enable = () => rig.webhooks.change(key, { status: 'enabled', disabledReason: null })
        await rig.webhooks.change(key, { status: 'disabled', disabledReason: 'manual' })
        await enable()
        await rig.webhooks.disable(key.id, 'failing')
        await enable()
        await record(rig, await claimed(), [answered(410), GONE])
        const noted = await notedFor(tenant)
        expect(new Set(noted.map(({ name }) => name))).toEqual(new Set(['broker.webhook.disabled']))
        for (const reason of ['manual', 'failing', 'gone'])
          expect(noted.map(({ data }) => data)).toContainEqual({ ...about, reason })
        expect(noted).toHaveLength(3)
      })

      test('already is not told again', async () => {
        const { tenant, key } = await tenantWith('broker.webhook.disabled')
        await rig.webhooks.disable(key.id, 'failing')
        await rig.webhooks.disable(key.id, 'failing')
        await rig.webhooks.change(key, { status: 'disabled', disabledReason: 'manual' })
        expect(await notedFor(tenant)).toHaveLength(1)
      })

      test('is not told to another tenant, nor when nobody is registered, or only a webhook that is off or gone', async () => {
        const hears = await tenantWith('broker.webhook.disabled')
        const deaf = await tenantWith('broker.delivery.dead')
        const off = await tenantWith()
        const eventName = 'broker.webhook.disabled'
        const ears = [
          await registered(rig, eventName, ['http://127.0.0.1:1/1', off.tenant]),
          await registered(rig, eventName, ['http://127.0.0.1:1/2', off.tenant]),
        ]
        const [first = '', second = ''] = ears.map(({ id }) => id)
        await rig.webhooks.disable(first, 'gone')
        await rig.webhooks.remove({ tenant: off.tenant, eventName, id: second })
        for (const { key } of [deaf, off, hears]) await rig.webhooks.disable(key.id, 'gone')
        expect((await takeAll()).map(({ tenant }) => tenant)).toEqual([hears.tenant])
      })

      test('and was registered for operational events itself is not told about', async () => {
        const { tenant, key } = await tenantWith('broker.webhook.disabled')
        const ear = await registered(rig, 'broker.delivery.dead', [URL, tenant])
        await rig.webhooks.disable(ear.id, 'gone')
        await rig.webhooks.disable(key.id, 'failing')
        expect((await notedFor(tenant)).map(({ data }) => data.webhookId)).toEqual([key.id])
      })
    })

    describe('the breaker of a webhook', () => {
      const open = (webhookId: string, probeId?: string) =>
        rig.health.open({ webhookId, openForMs: 30_000, probeId })

      test('is told when it opens, not when it stays open, and when it closes', async () => {
        const { tenant, key, about, claimed } = await tenantWith(
          'broker.webhook.failing',
          'broker.webhook.recovered',
        )
        const probe = await claimed()
        await record(rig, probe, [answered(500), retryIn(0)])
        await open(key.id)
        await open(key.id)
        const [failing, ...others] = await notedFor(tenant)
        expect(others).toEqual([])
        expect(failing).toEqual({
          name: 'broker.webhook.failing',
          data: { ...about, failingSinceMs: expect.any(Number) as number },
        })
        await rig.deliveryLog.claim(probe.deliveryId, 'token-probe')
        await open(key.id, probe.deliveryId)
        expect(await notedFor(tenant)).toEqual([])
        await rig.makeDueNow(probe.deliveryId)
        await rig.deliveryLog.claim(probe.deliveryId, 'token-again')
        await rig.health.close(key.id, probe.deliveryId, 10)
        expect(await notedFor(tenant)).toEqual([
          { name: 'broker.webhook.recovered', data: failing?.data },
        ])
      })

      test('that a person closes by enabling the webhook has not recovered', async () => {
        const { tenant, key } = await tenantWith(
          'broker.webhook.failing',
          'broker.webhook.recovered',
        )
        await open(key.id)
        await rig.webhooks.disable(key.id, 'failing')
        await rig.webhooks.change(key, { status: 'enabled', disabledReason: null })
        await rig.webhooks.releaseParked(key.id, 10)
        // The control: the next failure is told, as the breaker is closed again.
        await open(key.id)
        expect((await notedFor(tenant)).map(({ name }) => name)).toEqual([
          'broker.webhook.failing',
          'broker.webhook.failing',
        ])
      })

      test('of a webhook for operational events is not told', async () => {
        const { tenant, key } = await tenantWith('broker.webhook.failing')
        const ear = await registered(rig, 'broker.delivery.dead', [URL, tenant])
        await open(ear.id)
        await open(key.id)
        expect((await notedFor(tenant)).map(({ data }) => data.webhookId)).toEqual([key.id])
      })
    })

    describe('a delivery that dies', () => {
      test('is told with its result, once, by the result that ended it', async () => {
        const { tenant, about, claimed } = await tenantWith('broker.delivery.dead')
        const claim = await claimed()
        const result = [answered(503), DEAD] as const
        expect((await record(rig, claim, [...result])).noted).toBe(true)
        expect((await record(rig, claim, [...result])).noted).toBe(false)
        expect(await notedFor(tenant)).toEqual([
          {
            name: 'broker.delivery.dead',
            data: {
              ...about,
              deliveryId: claim.deliveryId,
              messageId: claim.messageId,
              reason: 'schedule_exhausted',
              attempts: 1,
              code: 'http_status',
              statusCode: 503,
            },
          },
        ])
      })

      test('of a connection that failed has a code and no status', async () => {
        const { tenant, claimed } = await tenantWith('broker.delivery.dead')
        const known = {
          kind: 'failed',
          detail: '',
          permanent: false,
          staleConnection: false,
        } as const
        const refused = { ...known, code: 'refused' } as const
        await record(rig, await claimed(), [refused, DEAD])
        expect((await notedFor(tenant)).map(({ data }) => data)).toMatchObject([
          { code: 'refused', statusCode: null },
        ])
      })

      test('is not told where nobody is registered, nor are those that live', async () => {
        const deaf = await tenantWith('broker.webhook.disabled')
        expect((await record(rig, await deaf.claimed(), [answered(503), DEAD])).noted).toBe(false)
        const hears = await tenantWith('broker.delivery.dead')
        await record(rig, await hears.claimed(), [answered(200), DELIVERED])
        await record(rig, await hears.claimed(), [answered(500), retryIn(1_000)])
        const dies = await hears.claimed()
        await record(rig, dies, [answered(500), DEAD])
        expect((await notedFor(hears.tenant)).map(({ data }) => data)).toMatchObject([
          { deliveryId: dies.deliveryId },
        ])
        expect(await notedFor(deaf.tenant)).toEqual([])
      })

      test('after its lease was lost is not told: it did not die', async () => {
        const { tenant, claimed } = await tenantWith('broker.delivery.dead')
        const claim = await claimed()
        await rig.expireLease(claim.deliveryId)
        const second = claimOf(await rig.deliveryLog.claim(claim.deliveryId, 'token-second'))
        expect((await record(rig, claim, [answered(500), DEAD])).noted).toBe(false)
        await record(rig, second, [answered(500), DEAD])
        expect((await notedFor(tenant)).map(({ data }) => data)).toMatchObject([{ attempts: 2 }])
      })

      test.each([
        ['the sweep', (id: string) => rig.makeDueNow(id).then(() => rig.sweepStore.takeDue(1_000))],
        ['a claim', (id: string) => rig.deliveryLog.claim(id, 'token-late')],
      ])('of its crash budget is told by %s that ends it', async (_who, meet) => {
        const { tenant, claimed } = await tenantWith('broker.delivery.dead')
        const { deliveryId } = await claimed()
        await rig.patch(deliveryId, { crashCount: 5 })
        await rig.expireLease(deliveryId)
        await meet(deliveryId)
        await meet(deliveryId)
        expect(await rig.rowOf(deliveryId)).toMatchObject({
          status: 'dead',
          dead_reason: 'crash_budget',
          crash_count: 6,
          leased: false,
        })
        expect(await rig.outcomesOf(deliveryId)).toEqual(['1 unknown'])
        expect((await notedFor(tenant)).map(({ data }) => data)).toMatchObject([
          { deliveryId, reason: 'crash_budget', attempts: 1, code: null, statusCode: null },
        ])
      })

      test('and was a delivery of an operational event is not told: no event leads to another', async () => {
        const { tenant, claimed } = await tenantWith('broker.delivery.dead')
        const about = await claimed('broker.delivery.dead')
        expect((await record(rig, about, [answered(500), DEAD])).noted).toBe(false)
        const ordinary = await claimed()
        await record(rig, ordinary, [answered(500), DEAD])
        expect((await notedFor(tenant)).map(({ data }) => data)).toMatchObject([
          { deliveryId: ordinary.deliveryId },
        ])
      })
    })

    test('an event is taken by one publisher, and stays until it is published', async () => {
      const { tenant, key } = await tenantWith('broker.webhook.disabled')
      for (let n = 0; n < 3; n += 1) {
        await rig.webhooks.change(key, { status: 'enabled', disabledReason: null })
        await rig.webhooks.disable(key.id, 'failing')
      }
      const taken = () => rig.operationalEvents.take(2)
      const [first, second] = [await taken(), await taken()]
      expect([first.length, second.length]).toEqual([2, 1])
      expect([...first, ...second].map((event) => event.tenant)).toEqual([tenant, tenant, tenant])
      expect(await taken()).toEqual([])
      await rig.operationalEvents.published(first.map(({ id }) => id))
      await rig.letPublishersDie()
      expect((await rig.operationalEvents.take(10)).map(({ id }) => id)).toEqual(
        second.map(({ id }) => id),
      )
    })
  })
