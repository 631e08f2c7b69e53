// What accepting a trigger must do, on Postgres and in memory.

import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AcceptInput } from '../../lib/broker/ports.ts'
import {
  freshEvent,
  ids,
  registered,
  triggerOf,
  type MakeRig,
  type Rig,
} from '../support/store-rig.ts'

const keyed = (key: string, payload = '{}'): Partial<AcceptInput> => ({
  payload: Buffer.from(payload),
  idempotency: { key, payloadHash: createHash('sha256').update(payload).digest() },
})

export const acceptSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`accepting on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())

    test('makes one delivery for each enabled webhook of the event', async () => {
      const eventName = freshEvent()
      await registered(rig, eventName, ['http://127.0.0.1:1/a'])
      await registered(rig, eventName, ['http://127.0.0.1:1/b'])
      await registered(rig, freshEvent(), ['http://127.0.0.1:1/c'])
      const accepted = await rig.deliveryLog.accept(triggerOf(eventName))
      expect(accepted).toMatchObject({ matched: 2, replayed: false, conflict: false })
      expect(accepted.deliveryIds).toHaveLength(2)
      expect(await rig.countDeliveries(accepted.messageId)).toBe(2)
    })

    test('keeps the message of an event that matched nobody', async () => {
      const accepted = await rig.deliveryLog.accept(triggerOf(freshEvent()))
      expect(accepted).toMatchObject({ matched: 0, deliveryIds: [] })
      expect((await rig.reader.message('default', accepted.messageId))?.deliveries).toEqual([])
    })

    test('makes no delivery for a disabled webhook, nor for another tenant', async () => {
      const eventName = freshEvent()
      const webhook = await registered(rig, eventName)
      await registered(rig, eventName, ['http://127.0.0.1:1/other', 'someone'])
      expect(await rig.deliveryLog.accept(triggerOf(eventName))).toMatchObject({ matched: 1 })
      await rig.webhooks.disable(webhook.id, 'gone')
      expect(await rig.deliveryLog.accept(triggerOf(eventName))).toMatchObject({ matched: 0 })
    })

    test('sends a test event to one webhook only', async () => {
      const eventName = freshEvent()
      const webhook = await registered(rig, eventName, ['http://127.0.0.1:1/a'])
      await registered(rig, eventName, ['http://127.0.0.1:1/b'])
      const accepted = await rig.deliveryLog.accept(
        triggerOf(eventName, { onlyWebhookId: webhook.id }),
      )
      expect(
        (await rig.reader.message('default', accepted.messageId))?.deliveries.map(
          ({ webhookUrl }) => webhookUrl,
        ),
      ).toEqual(['http://127.0.0.1:1/a'])
    })

    test('repeated after a lost answer makes nothing twice', async () => {
      const eventName = freshEvent()
      await registered(rig, eventName)
      const request = triggerOf(eventName, keyed(`key ${eventName}`))
      const first = await rig.deliveryLog.accept(request)
      expect(await rig.deliveryLog.accept(request)).toEqual(first)
      expect(await rig.countDeliveries(first.messageId)).toBe(1)
    })

    // The repeat read the webhooks anew and made a delivery that the message had not counted: the audit was off by one.
    test('repeated after another webhook came makes no further delivery', async () => {
      const eventName = freshEvent()
      await registered(rig, eventName)
      const request = triggerOf(eventName)
      const first = await rig.deliveryLog.accept(request)
      await registered(rig, eventName, ['http://127.0.0.1:1/later'])
      expect(await rig.deliveryLog.accept(request)).toEqual(first)
      expect(await rig.countDeliveries(first.messageId)).toBe(1)
    })

    test('repeated in company of others makes nothing twice either', async () => {
      const eventName = freshEvent()
      await registered(rig, eventName)
      const request = triggerOf(eventName)
      const first = await rig.deliveryLog.accept(request)
      await registered(rig, eventName, ['http://127.0.0.1:1/later'])
      const [, again] = await Promise.all(
        [triggerOf(eventName), request, triggerOf(eventName)].map((one) =>
          rig.deliveryLog.accept(one),
        ),
      )
      expect(again).toEqual(first)
      expect(await rig.countDeliveries(first.messageId)).toBe(1)
    })

    test('answers a used key with the first answer', async () => {
      const eventName = freshEvent()
      await registered(rig, eventName)
      const first = await rig.deliveryLog.accept(triggerOf(eventName, keyed(`key ${eventName}`)))
      await registered(rig, eventName, ['http://127.0.0.1:1/later'])
      const again = await rig.deliveryLog.accept(triggerOf(eventName, keyed(`key ${eventName}`)))
      expect(again).toEqual({ ...first, replayed: true, deliveryIds: [] })
    })

    test('refuses a used key for another payload or another event, and writes nothing', async () => {
      const eventName = freshEvent()
      await rig.deliveryLog.accept(triggerOf(eventName, keyed(`key ${eventName}`)))
      const other = triggerOf(eventName, keyed(`key ${eventName}`, '{"other":1}'))
      expect(await rig.deliveryLog.accept(other)).toMatchObject({ conflict: true })
      expect(
        await rig.deliveryLog.accept(triggerOf(freshEvent(), keyed(`key ${eventName}`))),
      ).toMatchObject({ conflict: true })
      expect(await rig.reader.message('default', other.messageId)).toBeUndefined()
    })

    // O-DUP-2: check-then-insert let two racing requests both run.
    test('of twenty at once with one key makes one message', async () => {
      const eventName = freshEvent()
      await registered(rig, eventName)
      const answers = await Promise.all(
        Array.from({ length: 20 }, () =>
          rig.deliveryLog.accept(triggerOf(eventName, keyed(`race ${eventName}`))),
        ),
      )
      expect(new Set(answers.map(({ messageId }) => messageId)).size).toBe(1)
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1)
      expect(answers.map(({ matched }) => matched)).toEqual(Array.from({ length: 20 }, () => 1))
      expect(await rig.countDeliveries(answers[0]?.messageId ?? '')).toBe(1)
    })

    test('keeps the same key of two tenants apart', async () => {
      const eventName = freshEvent()
      const mine = await rig.deliveryLog.accept(triggerOf(eventName, keyed(`shared ${eventName}`)))
      const theirs = await rig.deliveryLog.accept(
        triggerOf(eventName, { ...keyed(`shared ${eventName}`), tenant: 'someone' }),
      )
      expect(theirs).toMatchObject({ replayed: false, conflict: false })
      expect(theirs.messageId).not.toBe(mine.messageId)
    })

    test('takes a key over once it has expired', async () => {
      const eventName = freshEvent()
      const key = `old ${eventName}`
      await rig.deliveryLog.accept(triggerOf(eventName, keyed(key)))
      await rig.expireKey(key)
      const again = await rig.deliveryLog.accept(triggerOf(eventName, keyed(key, '{"new":1}')))
      expect(again).toMatchObject({ replayed: false, conflict: false })
      expect(
        await rig.deliveryLog.accept(triggerOf(eventName, keyed(key, '{"new":1}'))),
      ).toMatchObject({ replayed: true, messageId: again.messageId })
    })

    test('that fails for one trigger of a batch does not fail its neighbours', async () => {
      const eventName = freshEvent()
      await registered(rig, eventName)
      // A NUL cannot stand in text: nothing that the API lets through, so it stands for any row that is at fault.
      const bad = triggerOf(eventName, { contentType: 'a\u0000b' })
      const outcomes = await Promise.allSettled(
        [triggerOf(eventName), bad, triggerOf(eventName)].map((request) =>
          rig.deliveryLog.accept(request),
        ),
      )
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    })

    test('keeps the payload as bytes, whatever they say', async () => {
      const payload = Buffer.from(
        '{"id":12345678901234567890,"s":"a\\u0000b","u":"é🙂","k":1,"k":2}',
      )
      const { messageId } = await rig.deliveryLog.accept(triggerOf(freshEvent(), { payload }))
      expect(
        Buffer.from((await rig.reader.message('default', messageId))?.payload ?? []).equals(
          payload,
        ),
      ).toBe(true)
      expect(ids.message() > messageId).toBe(true)
    })
  })
