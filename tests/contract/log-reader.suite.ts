// What reading the log must do, on Postgres and in memory.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  answered,
  claimOf,
  DELIVERED,
  delivery,
  freshEvent,
  record,
  registered,
  retryIn,
  triggerOf,
  type MakeRig,
  type Rig,
} from '../support/store-rig.ts'

export const logReaderSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`reading the log on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())
    const page = (filter: object) =>
      rig.reader.deliveries({ tenant: 'default', pageSize: 10, ...filter })

    test('shows newest first, in pages that stay as they are while deliveries are added', async () => {
      const eventName = freshEvent()
      for (let index = 0; index < 25; index += 1)
        await registered(rig, eventName, [`http://127.0.0.1:1/${index}`])
      const { messageId } = await rig.deliveryLog.accept(triggerOf(eventName))
      const seen: string[] = []
      let beforeId: string | undefined
      do {
        const { deliveries, nextId } = await page({ messageId, beforeId })
        seen.push(...deliveries.map(({ id }) => id))
        beforeId = nextId ?? undefined
        await rig.deliveryLog.accept(triggerOf(eventName))
      } while (beforeId !== undefined)
      expect(seen).toHaveLength(25)
      expect(seen).toEqual([...new Set(seen)].sort().reverse())
    })

    test('filters by status, event, webhook, message and time', async () => {
      const done = await delivery(rig)
      await record(rig, claimOf(await rig.deliveryLog.claim(done.id, 'token-a')), [
        answered(200),
        DELIVERED,
      ])
      const retrying = await delivery(rig)
      await record(rig, claimOf(await rig.deliveryLog.claim(retrying.id, 'token-a')), [
        answered(500),
        retryIn(60_000),
      ])
      const idsOf = async (filter: object) => (await page(filter)).deliveries.map(({ id }) => id)
      expect(await idsOf({ status: 'delivered', eventName: done.eventName })).toEqual([done.id])
      expect(await idsOf({ status: 'dead', eventName: done.eventName })).toEqual([])
      expect(await idsOf({ status: 'retrying', webhookId: retrying.webhookId })).toEqual([
        retrying.id,
      ])
      expect(await idsOf({ messageId: done.accepted.messageId })).toEqual([done.id])
      const hour = 3_600_000
      const now = Date.now()
      expect(
        await idsOf({
          eventName: done.eventName,
          from: new Date(now - hour),
          to: new Date(now + hour),
        }),
      ).toEqual([done.id])
      expect(await idsOf({ eventName: done.eventName, from: new Date(now + hour) })).toEqual([])
      expect(await idsOf({ eventName: done.eventName, to: new Date(now - hour) })).toEqual([])
    })

    test('filters by two things at once, and finds nothing where they do not go together', async () => {
      const eventName = freshEvent()
      const first = await registered(rig, eventName, ['http://127.0.0.1:1/a'])
      const second = await registered(rig, eventName, ['http://127.0.0.1:1/b'])
      const { messageId, deliveryIds } = await rig.deliveryLog.accept(triggerOf(eventName))
      const later = await rig.deliveryLog.accept(triggerOf(eventName))
      const views = (await page({ eventName })).deliveries
      const idOf = (message: string, webhook: string) =>
        views.find((view) => view.messageId === message && view.webhookId === webhook)?.id
      const delivered = idOf(messageId, first.id) ?? ''
      expect(deliveryIds).toContain(delivered)
      await record(rig, claimOf(await rig.deliveryLog.claim(delivered, 'token-a')), [
        answered(200),
        DELIVERED,
      ])
      const idsOf = async (filter: object) => (await page(filter)).deliveries.map(({ id }) => id)
      expect(await idsOf({ webhookId: first.id, status: 'delivered' })).toEqual([delivered])
      expect(await idsOf({ webhookId: first.id, status: 'pending' })).toEqual([
        idOf(later.messageId, first.id),
      ])
      expect(await idsOf({ webhookId: second.id, status: 'delivered' })).toEqual([])
      expect(await idsOf({ webhookId: second.id, eventName })).toHaveLength(2)
      expect(await idsOf({ webhookId: second.id, eventName: freshEvent() })).toEqual([])
      expect(await idsOf({ webhookId: second.id, tenant: 'someone' })).toEqual([])
      expect(await idsOf({ messageId, webhookId: second.id })).toEqual([idOf(messageId, second.id)])
      expect(await idsOf({ messageId, status: 'delivered' })).toEqual([delivered])
      expect(await idsOf({ messageId, eventName: freshEvent() })).toEqual([])
      expect(await idsOf({ messageId, eventName })).toHaveLength(2)
    })

    test('lists messages newest first, also those that matched nobody, without payloads', async () => {
      const tenant = `tenant-${freshEvent()}`
      const eventName = freshEvent()
      const nobody = freshEvent()
      await registered(rig, eventName, ['http://127.0.0.1:1/a', tenant])
      const made: string[] = []
      for (const name of [eventName, nobody, eventName]) {
        made.push((await rig.deliveryLog.accept(triggerOf(name, { tenant }))).messageId)
      }
      const [first = '', second = '', third = ''] = made
      const list = async (filter: object = {}) => {
        const { messages, nextId } = await rig.reader.messages({ tenant, pageSize: 2, ...filter })
        return { ids: messages.map(({ id }) => id), nextId, messages }
      }
      const newest = await list()
      expect(newest).toMatchObject({ ids: [third, second], nextId: second })
      expect(newest.messages).toEqual([
        {
          id: third,
          eventName,
          contentType: 'application/json',
          size: 16,
          matched: 1,
          createdAt: expect.any(Date) as Date,
        },
        expect.objectContaining({ id: second, eventName: nobody, matched: 0 }) as object,
      ])
      expect(await list({ beforeId: second })).toMatchObject({ ids: [first], nextId: null })
      expect((await list({ eventName })).ids).toEqual([third, first])
      expect((await list({ eventName: freshEvent() })).ids).toEqual([])
      const hour = 3_600_000
      const now = Date.now()
      const today = { from: new Date(now - hour), to: new Date(now + hour) }
      expect((await list({ ...today, eventName })).ids).toEqual([third, first])
      expect((await list({ from: new Date(now + hour) })).ids).toEqual([])
      expect((await list({ to: new Date(now - hour) })).ids).toEqual([])
      expect((await list({ tenant: `tenant-${freshEvent()}` })).ids).toEqual([])
    })

    test('says why a delivery waits and until when', async () => {
      const { id } = await delivery(rig)
      expect(await rig.reader.delivery('default', id)).toMatchObject({
        status: 'pending',
        inFlight: false,
        waiting: { reason: 'queued', until: null },
      })
      const claim = claimOf(await rig.deliveryLog.claim(id, 'token-a'))
      expect(await rig.reader.delivery('default', id)).toMatchObject({
        inFlight: true,
        nextAttemptAt: null,
        waiting: { reason: 'in_flight' },
      })
      const { nextAttemptAtMs } = await record(rig, claim, [answered(500), retryIn(60_000)])
      const waiting = (await rig.reader.delivery('default', id))?.waiting
      expect(waiting?.reason).toBe('backoff')
      expect(
        Math.abs((waiting?.until?.getTime() ?? 0) - (nextAttemptAtMs ?? 0)),
      ).toBeLessThanOrEqual(1)
    })

    test('says that a delivery waits for its webhook as soon as that is disabled', async () => {
      const { id, webhookId } = await delivery(rig)
      await rig.webhooks.disable(webhookId, 'gone')
      expect((await rig.reader.delivery('default', id))?.waiting).toEqual({
        reason: 'webhook_disabled',
        until: null,
      })
    })

    test('shows a tenant nothing of another', async () => {
      const { id, accepted } = await delivery(rig)
      expect(await rig.reader.delivery('someone', id)).toBeUndefined()
      expect(await rig.reader.message('someone', accepted.messageId)).toBeUndefined()
      expect((await rig.reader.deliveries({ tenant: 'someone', pageSize: 10 })).deliveries).toEqual(
        [],
      )
      expect(await rig.reader.delivery('default', 'dlv_nobody')).toBeUndefined()
      await rig.reader.ping()
    })

    test('balances what was matched with what became of it', async () => {
      const eventName = freshEvent()
      const tenant = `tenant-${eventName}`
      await registered(rig, eventName, ['http://127.0.0.1:1/a', tenant])
      await registered(rig, eventName, ['http://127.0.0.1:1/b', tenant])
      const { deliveryIds } = await rig.deliveryLog.accept(triggerOf(eventName, { tenant }))
      await rig.deliveryLog.accept(triggerOf(freshEvent(), { tenant }))
      await record(rig, claimOf(await rig.deliveryLog.claim(deliveryIds[0] ?? '', 'token-a')), [
        answered(200),
        DELIVERED,
      ])
      const today = new Date().toISOString().slice(0, 10)
      expect(await rig.audits.days(tenant)).toEqual([
        { day: today, messages: 2, matched: 2, delivered: 1, dead: 0, cancelled: 0, open: 1 },
      ])
      await rig.forgetDelivery(deliveryIds[1] ?? '')
      expect(await rig.audits.days(tenant)).toMatchObject([{ matched: 2, delivered: 1, open: 0 }])
    })
  })
