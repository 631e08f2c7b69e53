// What the sweep's repair of a lost Redis and its retention must do, on Postgres and in memory.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  answered,
  claimOf,
  DELIVERED,
  delivery,
  freshEvent,
  record,
  triggerOf,
  type MakeRig,
  type Rig,
} from '../support/store-rig.ts'

export const sweepRepairSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`repair and retention on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())
    const prune = (limit: number, range: { before?: string; after?: string } = {}) =>
      rig.sweepStore.prune(limit, { before: 'msg_~', after: undefined, ...range })
    beforeEach(() => rig.endAllOpen())

    test('after a loss of Redis makes due what the queue should hold, and nothing else', async () => {
      const queued = await delivery(rig)
      const backoff = await delivery(rig)
      await rig.patch(backoff.id, { nextInMs: 300_000, dueInMs: 330_000 })
      const late = await delivery(rig)
      await rig.patch(late.id, { nextInMs: 3_600_000, dueInMs: 3_600_000 })
      const flying = await delivery(rig)
      await rig.deliveryLog.claim(flying.id, 'token-a')
      let after: string | undefined
      let count = 0
      do {
        const step = await rig.sweepStore.makeDue(1, after)
        count += step.count
        after = step.next
      } while (after !== undefined)
      expect(count).toBe(2)
      const taken = await rig.sweepStore.takeDue(10)
      expect(taken.map(({ deliveryId }) => deliveryId).sort()).toEqual(
        [queued.id, backoff.id].sort(),
      )
      expect(taken.map(({ delayMs }) => Math.round(delayMs / 60_000)).sort()).toEqual([0, 5])
    })

    // The keyset once lay on the due time, which taking a row pushes: a repair of 1,000 rows met its own rows again and
    // never came to an end.
    test('makes each delivery due once, although taking it pushes its due time past the rest', async () => {
      for (let n = 0; n < 3; n += 1) await delivery(rig)
      let after: string | undefined
      let count = 0
      for (let step = 0; step < 10; step += 1) {
        const answer = await rig.sweepStore.makeDue(1, after)
        count += answer.count
        await rig.sweepStore.takeDue(10)
        after = answer.next
        if (after === undefined) break
      }
      expect(after).toBeUndefined()
      expect(count).toBe(3)
    })

    // They were enqueued after the loss: the queue has them.
    test('leaves out what was accepted after the repair had begun', async () => {
      await delivery(rig)
      await delivery(rig)
      const first = await rig.sweepStore.makeDue(1, undefined)
      const young = await delivery(rig)
      await rig.patch(young.id, { createdInMs: 1 })
      expect(first.count).toBe(1)
      const second = await rig.sweepStore.makeDue(10, first.next)
      expect(second).toEqual({ next: undefined, count: 1 })
      const taken = (await rig.sweepStore.takeDue(10)).map(({ deliveryId }) => deliveryId)
      expect(taken).toHaveLength(2)
      expect(taken).not.toContain(young.id)
    })

    test('raises its counter and never lowers it', async () => {
      const before = await rig.sweepStore.incarnation()
      await rig.sweepStore.raiseIncarnation(before + 5)
      await rig.sweepStore.raiseIncarnation(before + 2)
      expect(await rig.sweepStore.incarnation()).toBe(before + 5)
    })

    test('removes idempotency keys that have expired, and no others', async () => {
      const keys = [`old ${freshEvent()}`, `young ${freshEvent()}`]
      for (const key of keys)
        await rig.deliveryLog.accept(
          triggerOf(freshEvent(), { idempotency: { key, payloadHash: Uint8Array.of(1) } }),
        )
      await rig.expireKey(keys[0] ?? '')
      expect(await rig.sweepStore.pruneExpired(500)).toBe(1)
      expect([await rig.hasKey(keys[0] ?? ''), await rig.hasKey(keys[1] ?? '')]).toEqual([
        false,
        true,
      ])
    })

    test('removes no more messages than asked, and none above the bound of its scan', async () => {
      const made: string[] = []
      for (let index = 0; index < 3; index += 1)
        made.push((await rig.deliveryLog.accept(triggerOf(freshEvent()))).messageId)
      await rig.ageMessages(made, 31)
      expect(await prune(500, { before: made[2] ?? '' })).toEqual({ next: undefined, removed: 2 })
      expect(await rig.reader.message('default', made[2] ?? '')).toBeDefined()
      expect(await prune(500)).toEqual({ next: undefined, removed: 1 })
      const [first, second] = [
        (await rig.deliveryLog.accept(triggerOf(freshEvent()))).messageId,
        (await rig.deliveryLog.accept(triggerOf(freshEvent()))).messageId,
      ]
      await rig.ageMessages([first, second], 31)
      expect(await prune(1)).toEqual({ next: first, removed: 1 })
      // Nothing is looked at twice: what lies before the mark stays for the next run.
      expect(await prune(1, { after: second })).toEqual({ next: undefined, removed: 0 })
      expect(await prune(1, { after: first })).toEqual({ next: second, removed: 1 })
      expect(await prune(1)).toEqual({ next: undefined, removed: 0 })
    })

    test('removes old messages with all that belongs to them, and never an open delivery', async () => {
      const done = await delivery(rig)
      await record(rig, claimOf(await rig.deliveryLog.claim(done.id, 'token-a')), [
        answered(200),
        DELIVERED,
      ])
      const open = await delivery(rig)
      const young = await delivery(rig)
      await rig.ageMessages([done.accepted.messageId, open.accepted.messageId], 31)
      expect(await prune(500)).toEqual({ next: undefined, removed: 1 })
      expect(await rig.reader.message('default', done.accepted.messageId)).toBeUndefined()
      expect(await rig.outcomesOf(done.id)).toEqual([])
      expect(await rig.reader.delivery('default', open.id)).toBeDefined()
      expect(await rig.reader.delivery('default', young.id)).toBeDefined()
      await rig.sweepStore.finished()
      expect(await rig.hasSwept()).toBe(true)
    })
  })
