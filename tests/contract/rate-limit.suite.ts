// What a rate limit does to the deliveries of its webhook, on Postgres and in memory; who gets which turn is in turns.test.ts.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { claimOf, webhookOf, type MakeRig, type Rig } from '../support/store-rig.ts'

export const rateLimitSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`a rate limit on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())
    beforeEach(() => rig.endAllOpen())

    const claim = (id: string) => rig.deliveryLog.claim(id, `token-${id}`)
    const limited = async (count: number) => {
      const made = await webhookOf(rig, count)
      const key = { tenant: 'default', eventName: made.eventName, id: made.webhookId }
      await rig.webhooks.change(key, { rateLimit: { limit: 5, perSeconds: 60 } })
      return made
    }

    test('one of a webhook with a rate limit is claimed only with a turn', async () => {
      const { webhookId, ids } = await limited(1)
      const [id = ''] = ids
      expect(await claim(id)).toEqual({
        kind: 'needs_turn',
        deliveryId: id,
        webhookId,
        rateLimit: { limit: 5, perSeconds: 60 },
      })
      expect(await rig.rowOf(id)).toMatchObject({ attempt_count: 0, parked: null, leased: false })
      const claimed = claimOf(await rig.deliveryLog.claim(id, 'with-turn', true))
      expect(claimed.attemptNumber).toBe(1)
    })

    test('one that waits for its turn burns no attempt, and says until when', async () => {
      const { ids } = await limited(1)
      const [id = ''] = ids
      await rig.deliveryLog.postpone(id, 120_000)
      expect(await rig.rowOf(id)).toMatchObject({
        status: 'pending',
        attempt_count: 0,
        parked: 'rate_limited',
        next_in: 120,
        due_in: 150,
      })
      const view = await rig.reader.delivery('default', id)
      expect(view?.waiting).toEqual({ reason: 'rate_limited', until: view?.nextAttemptAt })
      expect((await claim(id)).kind).toBe('not_due')
      await rig.makeDueNow(id)
      expect((await claim(id)).kind).toBe('needs_turn')
    })

    test('one whose turn is far away is not in the queue: the sweep brings it', async () => {
      const { ids } = await limited(1)
      await rig.deliveryLog.postpone(ids[0] ?? '', 3_600_000)
      expect(await rig.rowOf(ids[0] ?? '')).toMatchObject({ next_in: 3_600, due_in: 3_600 })
    })

    test('one that is being attempted, or has ended, is not put off', async () => {
      const { ids } = await limited(2)
      const [flying = '', ended = ''] = ids
      await rig.deliveryLog.claim(flying, 'with-turn', true)
      await rig.replays.cancel('default', ended)
      await rig.deliveryLog.postpone(flying, 120_000)
      await rig.deliveryLog.postpone(ended, 120_000)
      expect(await rig.rowOf(flying)).toMatchObject({ parked: null, leased: true })
      expect(await rig.rowOf(ended)).toMatchObject({ parked: null, status: 'cancelled' })
    })

    test('the direct dispatcher is told of those that need a turn, beside what it may send', async () => {
      const { ids } = await limited(1)
      const well = await webhookOf(rig, 1)
      const told: string[] = []
      const claims = await rig.deliveryLog.claimDue(['a', 'b', 'c'], ({ deliveryId }) => {
        told.push(deliveryId)
      })
      expect(claims.map(({ deliveryId }) => deliveryId)).toEqual(well.ids)
      expect(told).toEqual(ids)
    })

    test('a breaker comes before the turn', async () => {
      const { webhookId, ids } = await limited(2)
      await rig.health.open({ webhookId, openForMs: 60_000, probeId: undefined })
      expect((await claim(ids[0] ?? '')).kind).toBe('not_due')
      expect(await claim(ids[1] ?? '')).toEqual({ kind: 'parked', reason: 'breaker_open' })
    })
  })
