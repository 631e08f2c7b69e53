// The audit in pieces, on both kinds of Postgres. Its messages carry ids of the year 2100, so that what other suites left
// in a shared database is older than what a round looks at.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { firstIdAt } from '../../lib/domain/ids.ts'
import { freshEvent, registered, triggerOf, type StoreRig } from '../support/store-rig.ts'

let atMs = Date.UTC(2100, 0, 1)

export const auditRoundsSuite = (engine: string, makeRig: () => Promise<StoreRig>): unknown =>
  describe(`the rounds of the audit on ${engine}`, () => {
    let rig: StoreRig
    let oldestMs: number
    let tenant: string
    let eventName: string
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())
    beforeEach(async () => {
      oldestMs = atMs += 1_000
      eventName = freshEvent()
      tenant = `tenant-${eventName}`
      await registered(rig, eventName, ['http://127.0.0.1:1/a', tenant])
      await registered(rig, eventName, ['http://127.0.0.1:1/b', tenant])
      await anHourLater()
    })

    const anHourLater = () => rig.sql('update audit_progress set cursor = null, next_at = now()')

    /** A message to both webhooks, in a millisecond of its own. @returns its deliveries */
    const accepted = async (messageId = firstIdAt('msg', (atMs += 1))) =>
      (await rig.deliveryLog.accept(triggerOf(eventName, { tenant, messageId }))).deliveryIds

    /** Every piece of a round. */
    const round = async (limit: number) => {
      const pieces = []
      for (;;) {
        const piece = await rig.auditRounds.next(limit, oldestMs)
        if (piece === undefined) throw new Error('there was no next piece')
        pieces.push(piece)
        if (!piece.more) return pieces
      }
    }
    const figures = (pieces: Awaited<ReturnType<typeof round>>) =>
      pieces.map(({ days }) =>
        days.map(({ messages, matched, open, tenant: whose }) => [whose, messages, matched, open]),
      )

    test('add every message up once, in pieces that end where the next one begins', async () => {
      const since = firstIdAt('msg', oldestMs).slice(0, 14)
      for (let n = 0; n < 5; n += 1) await accepted()

      const pieces = await round(2)

      expect(figures(pieces)).toEqual([
        [[tenant, 2, 4, 4]],
        [[tenant, 2, 4, 4]],
        [[tenant, 1, 2, 2]],
      ])
      expect(pieces[0]?.fromId).toBe(since)
      expect(pieces.map(({ fromId }) => fromId).slice(1)).toEqual(
        pieces.map(({ untilId }) => untilId).slice(0, -1),
      )
      expect(pieces.at(-1)?.untilId).toBe('msg_~')
    })

    test('come once an hour: what follows an ended round is no piece', async () => {
      await accepted()
      expect(await round(10)).toHaveLength(1)
      expect(await rig.auditRounds.next(10, oldestMs)).toBeUndefined()
      await anHourLater()
      expect(await rig.auditRounds.next(10, oldestMs)).toMatchObject({ more: false })
    })

    test('show a delivery that was lost, and one that was made up, in the piece where it stood', async () => {
      await accepted()
      const [lost = ''] = await accepted()
      await accepted()
      const [copied = ''] = await accepted()
      await rig.forgetDelivery(lost)
      await rig.sql(
        `insert into deliveries (id, tenant, message_id, webhook_id, event_name, next_attempt_at, due_at, created_at)
         select substr(id, 1, 14) || 'made-up', tenant, message_id, 'wh_other', event_name, 'infinity', 'infinity', created_at
         from deliveries where id = $1`,
        [copied],
      )
      expect(figures(await round(1)).flat()).toEqual([
        [tenant, 1, 2, 2],
        [tenant, 1, 2, 1],
        [tenant, 1, 2, 2],
        [tenant, 1, 2, 3],
      ])
    })

    test('do not look at what is older than they are asked to', async () => {
      const [old = ''] = await accepted()
      await rig.forgetDelivery(old)
      const [kept = ''] = await accepted()
      oldestMs = atMs
      expect(figures(await round(10))).toEqual([[[tenant, 1, 2, 2]]])
      expect(kept).not.toBe('')
    })

    test('keep what shares a millisecond together, however many they are', async () => {
      const first = firstIdAt('msg', (atMs += 1))
      for (const tail of ['0', '1', '2']) await accepted(first.slice(0, -1) + tail)
      await accepted()
      const sums = figures(await round(1)).flat()
      expect(sums).toEqual([
        [tenant, 3, 6, 6],
        [tenant, 1, 2, 2],
      ])
    })
  })
