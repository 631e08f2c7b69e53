// What the store of webhooks must do, on Postgres and in memory.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { WebhookCursor } from '../../lib/broker/ports.ts'
import { parseCidrs } from '../../lib/domain/address-guard.ts'
import { normaliseWebhookUrl } from '../../lib/domain/webhook.ts'
import {
  answered,
  claimOf,
  DELIVERED,
  delivery,
  freshEvent,
  record,
  registered,
  triggerOf,
  type MakeRig,
  type Rig,
} from '../support/store-rig.ts'

export const webhookStoreSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`webhooks on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())
    const keyOf = ({ eventName, id }: { eventName: string; id: string }) => ({
      tenant: 'default',
      eventName,
      id,
    })
    const versionNow = async (tenant = 'default') =>
      (await rig.webhooks.routingSnapshot(tenant)).version

    test('the same URL again is the same webhook and changes no version', async () => {
      const eventName = freshEvent()
      const first = await registered(rig, eventName)
      const version = await versionNow()
      expect((await registered(rig, eventName)).id).toBe(first.id)
      expect(await versionNow()).toBe(version)
    })

    // O-DUP-1: near-identical URLs made second hooks.
    test('five spellings of one URL are one webhook, a slash or a query more is another', async () => {
      const eventName = freshEvent()
      const policy = { allowedCidrs: parseCidrs('127.0.0.1/32') ?? [], httpsOnly: false }
      const made: string[] = []
      for (const url of [
        'http://127.0.0.1:4000/h',
        'http://127.0.0.1:4000/h',
        'HTTP://127.0.0.1:4000/h',
        'http://127.0.0.1:4000/x/../h',
        'http://127.0.0.1:4000/h#frag',
        'http://127.0.0.1:4000/h/',
        'http://127.0.0.1:4000/h?x=1',
      ])
        made.push((await registered(rig, eventName, [normaliseWebhookUrl(url, policy)])).id)
      expect(new Set(made.slice(0, 5)).size).toBe(1)
      expect(new Set(made).size).toBe(3)
      const { webhooks } = await rig.webhooks.list({
        tenant: 'default',
        eventName,
        pageSize: 10,
        offset: 0,
      })
      expect(webhooks.map(({ webhookUrl }) => webhookUrl)).toEqual([
        'http://127.0.0.1:4000/h',
        'http://127.0.0.1:4000/h/',
        'http://127.0.0.1:4000/h?x=1',
      ])
    })

    test('ten at once register one', async () => {
      const eventName = freshEvent()
      const made = await Promise.all(Array.from({ length: 10 }, () => registered(rig, eventName)))
      expect(new Set(made.map(({ id }) => id)).size).toBe(1)
    })

    test('each change of what is enabled raises the version by one', async () => {
      const tenant = `tenant-${freshEvent()}`
      const webhook = await registered(rig, 'e', ['http://127.0.0.1:1/a', tenant])
      const key = { tenant, eventName: 'e', id: webhook.id }
      expect(await versionNow(tenant)).toBe(1)
      expect((await rig.webhooks.change(key, { description: 'd' }))?.change).toBeNull()
      expect(
        (await rig.webhooks.change(key, { status: 'disabled', disabledReason: 'manual' }))?.change,
      ).toMatchObject({ op: 'remove', from: 1, to: 2 })
      expect(await rig.webhooks.disable(webhook.id, 'gone')).toBeNull()
      expect(
        (await rig.webhooks.change(key, { status: 'enabled', disabledReason: null }))?.change,
      ).toMatchObject({ op: 'add', from: 2, to: 3 })
      expect(await rig.webhooks.disable(webhook.id, 'gone')).toMatchObject({
        op: 'remove',
        from: 3,
        to: 4,
      })
      expect((await rig.webhooks.remove(key))?.change).toBeNull()
      expect(await versionNow(tenant)).toBe(4)
      expect(await rig.webhooks.routingVersions()).toContainEqual({ tenant, version: 4 })
    })

    test('a picture of the routing holds enabled webhooks only', async () => {
      const tenant = `tenant-${freshEvent()}`
      await registered(rig, 'a', ['http://127.0.0.1:1/1', tenant])
      await registered(rig, 'a', ['http://127.0.0.1:1/2', tenant])
      const off = await registered(rig, 'b', ['http://127.0.0.1:1/3', tenant])
      await rig.webhooks.disable(off.id, 'gone')
      const { version, urls } = await rig.webhooks.routingSnapshot(tenant)
      expect(version).toBe(4)
      expect([...urls].map(([event, set]) => [event, [...set].sort()])).toEqual([
        ['a', ['http://127.0.0.1:1/1', 'http://127.0.0.1:1/2']],
      ])
      expect(await rig.webhooks.routingSnapshot('nobody')).toEqual({
        tenant: 'nobody',
        version: 0,
        urls: new Map(),
      })
    })

    test('one that was removed is gone, and its URL can be registered anew', async () => {
      const eventName = freshEvent()
      const first = await registered(rig, eventName)
      expect(await rig.webhooks.remove(keyOf(first))).toMatchObject({ change: { op: 'remove' } })
      expect(await rig.webhooks.find(keyOf(first))).toBeUndefined()
      expect(await rig.webhooks.remove(keyOf(first))).toBeUndefined()
      expect(await rig.webhooks.change(keyOf(first), { description: 'd' })).toBeUndefined()
      expect(await rig.webhooks.rotateSecret(keyOf(first), 'plain:x', 1)).toBeUndefined()
      expect((await registered(rig, eventName)).id).not.toBe(first.id)
    })

    test('one that is removed takes what waits for it along, and leaves what is on the wire to end', async () => {
      const waiting = await delivery(rig)
      const { deliveryIds } = await rig.deliveryLog.accept(triggerOf(waiting.eventName))
      const flying = deliveryIds[0] ?? ''
      const claim = claimOf(await rig.deliveryLog.claim(flying, 'token-a'))
      await rig.webhooks.remove({
        tenant: 'default',
        eventName: waiting.eventName,
        id: waiting.webhookId,
      })
      expect((await rig.rowOf(waiting.id)).status).toBe('cancelled')
      expect((await rig.rowOf(flying)).status).toBe('pending')
      expect(await record(rig, claim, [answered(200), DELIVERED])).toMatchObject({
        status: 'delivered',
      })
    })

    test('one that was removed or is unknown cannot be disabled', async () => {
      const webhook = await registered(rig, freshEvent())
      await rig.webhooks.remove(keyOf(webhook))
      expect(await rig.webhooks.disable(webhook.id, 'gone')).toBeNull()
      expect(await rig.webhooks.disable('wh_nobody', 'gone')).toBeNull()
    })

    test('one that answered 410 says so, and enabling it takes the reason away', async () => {
      const key = keyOf(await registered(rig, freshEvent()))
      await rig.webhooks.disable(key.id, 'gone')
      expect(await rig.webhooks.find(key)).toMatchObject({
        status: 'disabled',
        disabledReason: 'gone',
      })
      await rig.webhooks.change(key, { status: 'enabled', disabledReason: null })
      expect(await rig.webhooks.find(key)).toMatchObject({
        status: 'enabled',
        disabledReason: null,
      })
    })

    test('one that is enabled again lets go what waits for it, oldest first and no more than asked', async () => {
      const first = await delivery(rig)
      const later = await Promise.all([
        rig.deliveryLog.accept(triggerOf(first.eventName)),
        rig.deliveryLog.accept(triggerOf(first.eventName)),
      ])
      const waiting = [first.id, ...later.flatMap(({ deliveryIds }) => deliveryIds)].sort()
      await rig.webhooks.disable(first.webhookId, 'gone')
      for (const id of waiting) await rig.deliveryLog.claim(id, 'token-a')
      const other = await delivery(rig)
      expect(await rig.webhooks.releaseParked(first.webhookId, 2)).toEqual(
        waiting.slice(0, 2).map((deliveryId) => ({ deliveryId, generation: 1 })),
      )
      expect(await rig.rowOf(waiting[0] ?? '')).toMatchObject({ parked: null, next_in: 0 })
      expect(await rig.rowOf(waiting[2] ?? '')).toMatchObject({ parked: 'webhook_disabled' })
      expect(await rig.webhooks.releaseParked(first.webhookId, 2)).toEqual([
        { deliveryId: waiting[2], generation: 1 },
      ])
      expect(await rig.webhooks.releaseParked(other.webhookId, 2)).toEqual([])
    })

    test('belongs to its tenant and its event', async () => {
      const webhook = await registered(rig, freshEvent())
      expect(await rig.webhooks.find(keyOf(webhook))).toMatchObject({
        id: webhook.id,
        headers: { 'x-a': '1' },
      })
      expect(await rig.webhooks.find({ ...keyOf(webhook), tenant: 'someone' })).toBeUndefined()
      expect(await rig.webhooks.find({ ...keyOf(webhook), eventName: 'other' })).toBeUndefined()
    })

    test('every field that may change does, and null empties it', async () => {
      const key = keyOf(await registered(rig, freshEvent()))
      const full = {
        description: 'd',
        headers: { 'x-b': '2' },
        timeoutMs: 5,
        rateLimit: { limit: 1, perSeconds: 2 },
        maxInFlight: 3,
      }
      expect((await rig.webhooks.change(key, full))?.webhook).toMatchObject(full)
      const empty = {
        description: null,
        headers: {},
        timeoutMs: null,
        rateLimit: null,
        maxInFlight: null,
      }
      expect((await rig.webhooks.change(key, empty))?.webhook).toMatchObject(empty)
    })

    // O-PAGE-2: pages over unordered data repeated some rows and never showed others.
    test('pages by offset and by cursor show each once, oldest first, also while some are added', async () => {
      const tenant = `tenant-${freshEvent()}`
      for (let index = 0; index < 25; index += 1)
        await registered(rig, `e${index}`, ['http://127.0.0.1:1/h', tenant])
      const expected = Array.from({ length: 25 }, (_, index) => `e${index}`)
      const byOffset: string[] = []
      for (const offset of [0, 10, 20]) {
        const page = await rig.webhooks.list({ tenant, pageSize: 10, offset })
        byOffset.push(...page.webhooks.map(({ eventName }) => eventName))
        expect(page.total).toBe(25)
      }
      expect(byOffset).toEqual(expected)
      const byCursor: string[] = []
      let cursor: WebhookCursor | undefined
      do {
        const page = await rig.webhooks.list({ tenant, pageSize: 10, offset: 0, cursor })
        byCursor.push(...page.webhooks.map(({ eventName }) => eventName))
        cursor = page.nextCursor ?? undefined
        await registered(rig, 'e3', ['http://127.0.0.1:1/h', tenant])
        if (byCursor.length === 10) await registered(rig, 'later', ['http://127.0.0.1:1/h', tenant])
      } while (cursor !== undefined)
      expect(byCursor).toEqual([...expected, 'later'])
      expect(await rig.webhooks.list({ tenant, pageSize: 10, offset: 1_000 })).toEqual({
        webhooks: [],
        total: 26,
        nextCursor: null,
      })
      expect(
        (await rig.webhooks.list({ tenant, eventName: 'e7', pageSize: 10, offset: 0 })).total,
      ).toBe(1)
    })
  })
