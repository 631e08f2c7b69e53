// What the health of a webhook does to its deliveries, on Postgres and in memory: breaker, room, and who is let go.
// Over 250 lines because claims, breakers and the sweep meet on one stage, which is set up once.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  answered,
  claimOf,
  DELIVERED,
  record,
  retryIn,
  triggerOf,
  webhookOf,
  type MakeRig,
  type Rig,
} from '../support/store-rig.ts'

export const healthSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`the health of webhooks on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())
    beforeEach(() => rig.endAllOpen())

    const webhookWith = (count: number) => webhookOf(rig, count)
    const claim = (id: string, token = `token-${id}`) => rig.deliveryLog.claim(id, token)
    /** A delivery that failed once and comes again in so long. */
    const failed = async (id: string, delayMs = 5_000) => {
      const claimed = claimOf(await claim(id))
      await record(rig, claimed, [answered(500), retryIn(delayMs)])
      return claimed
    }
    const open = (webhookId: string, openForMs = 60_000, probeId?: string) =>
      rig.health.open({ webhookId, openForMs, probeId })
    const readyIds = (ready: readonly { deliveryId: string }[]) =>
      ready.map(({ deliveryId }) => deliveryId).sort()

    test('an open breaker makes the first to come up its probe and parks the rest', async () => {
      const { webhookId, ids } = await webhookWith(3)
      const [first = '', second = '', third = ''] = ids
      expect(await open(webhookId)).toEqual({ opened: true, probe: undefined })
      const refusal = await claim(first)
      expect(refusal.kind).toBe('not_due')
      if (refusal.kind === 'not_due')
        expect(Math.round((refusal.atMs - refusal.dbNowMs) / 1_000)).toBe(60)
      expect(await claim(second)).toEqual({ kind: 'parked', reason: 'breaker_open' })
      expect(await claim(third)).toEqual({ kind: 'parked', reason: 'breaker_open' })
      expect(await rig.rowOf(first)).toMatchObject({ attempt_count: 0, next_in: 60, due_in: 90 })
      expect(await rig.rowOf(second)).toMatchObject({
        status: 'pending',
        attempt_count: 0,
        parked: 'breaker_open',
        next_in: -1,
      })
      const until = (await rig.reader.delivery('default', second))?.waiting
      expect(until?.reason).toBe('breaker_open')
      expect(until?.until).toEqual((await rig.reader.delivery('default', first))?.nextAttemptAt)
    })

    test('only the probe is attempted when the time has come', async () => {
      const { webhookId, ids } = await webhookWith(2)
      const [first = '', second = ''] = ids
      await open(webhookId, -1)
      expect((await claim(first)).kind).toBe('not_due')
      await rig.makeDueNow(first)
      expect(await claim(second)).toEqual({ kind: 'parked', reason: 'breaker_open' })
      expect(claimOf(await claim(first)).health).toMatchObject({ probe: true, opens: 1 })
    })

    test('opens once, however many failures ask for it', async () => {
      const { webhookId } = await webhookWith(1)
      expect((await open(webhookId)).opened).toBe(true)
      expect((await open(webhookId)).opened).toBe(false)
      expect((await open(webhookId, 60_000, 'dlv_of-another-time')).opened).toBe(false)
    })

    test('a probe that failed hands over to the newest that waits: it would be the oldest each time', async () => {
      const { webhookId, ids } = await webhookWith(3)
      const [first = '', second = '', third = ''] = ids
      await open(webhookId, -1)
      await claim(first)
      await claim(third)
      await claim(second)
      await rig.makeDueNow(first)
      const probe = claimOf(await claim(first))
      await record(rig, probe, [answered(500), retryIn(7_200_000)])
      const { probe: next } = await open(webhookId, 120_000, first)
      expect(next?.deliveryId).toBe(third)
      expect(Math.round((next?.delayMs ?? 0) / 1_000)).toBe(120)
      expect(await rig.rowOf(third)).toMatchObject({ parked: 'breaker_open', next_in: 120 })
      // Its own attempt counts on the schedule, as any other.
      expect(await rig.rowOf(first)).toMatchObject({ steps_used: 1, next_in: 7_200 })
      expect(await claim(second, 'again')).toEqual({ kind: 'parked', reason: 'breaker_open' })
    })

    test('a probe that succeeds lets the oldest ten go, and closes', async () => {
      const { webhookId, ids } = await webhookWith(13)
      const [first = '', ...rest] = ids
      await open(webhookId, -1)
      for (const id of ids) await claim(id)
      await rig.makeDueNow(first)
      const probe = claimOf(await claim(first))
      await record(rig, probe, [answered(200), DELIVERED])
      expect(readyIds(await rig.health.close(webhookId, first, 10))).toEqual(rest.slice(0, 10))
      expect(claimOf(await claim(rest[0] ?? '')).health).toMatchObject({
        probe: false,
        released: true,
        opens: 0,
      })
      expect(await rig.rowOf(rest[10] ?? '')).toMatchObject({ parked: 'breaker_open' })
      expect(await rig.health.close(webhookId, first, 10)).toEqual([])
    })

    test('while a backlog is let go, whoever comes new stands in line', async () => {
      const { webhookId, eventName, ids } = await webhookWith(14)
      const [first = '', ...rest] = ids
      await open(webhookId, -1)
      for (const id of ids) await claim(id)
      await rig.makeDueNow(first)
      await record(rig, claimOf(await claim(first)), [answered(200), DELIVERED])
      await rig.health.close(webhookId, first, 10)
      const fresh = (await rig.deliveryLog.accept(triggerOf(eventName))).deliveryIds[0] ?? ''
      expect(await claim(fresh)).toEqual({ kind: 'parked', reason: 'capped' })
      expect((await rig.reader.delivery('default', fresh))?.waiting).toEqual({
        reason: 'queued',
        until: null,
      })
      // One has ended: nine are left, and two more make eleven.
      const one = await rig.health.release({ webhookId, count: 2, limit: 20 })
      expect({ let: one.ready.length, drained: one.drained }).toEqual({ let: 2, drained: false })
      // Another one: ten are left, and the limit leaves room for one.
      const two = await rig.health.release({ webhookId, count: 2, limit: 11 })
      expect(two.ready).toHaveLength(1)
      const none = await rig.health.release({ webhookId, count: 2, limit: 5 })
      expect(none).toEqual({ ready: [], drained: false })
      const last = await rig.health.release({ webhookId, count: 2, limit: 20 })
      expect(last.drained).toBe(true)
      // In which order is decided by their ids, made within one millisecond perhaps.
      const all = readyIds([...one.ready, ...two.ready, ...last.ready])
      expect(all).toEqual([fresh, ...rest.slice(10)].sort())
    })

    test('with nothing left that waits, the next one goes straight through', async () => {
      const { webhookId, eventName, ids } = await webhookWith(2)
      const [first = '', second = ''] = ids
      await open(webhookId, -1)
      await claim(first)
      await claim(second)
      await rig.makeDueNow(first)
      await record(rig, claimOf(await claim(first)), [answered(200), DELIVERED])
      expect(readyIds(await rig.health.close(webhookId, first, 10))).toEqual([second])
      expect((await rig.health.release({ webhookId, count: 2, limit: 20 })).drained).toBe(true)
      const fresh = (await rig.deliveryLog.accept(triggerOf(eventName))).deliveryIds[0] ?? ''
      expect((await claim(fresh)).kind).toBe('claimed')
    })

    test('maxInFlight of a webhook is kept, and those past it wait for one to end', async () => {
      const { webhookId, eventName, ids } = await webhookWith(4)
      await rig.webhooks.change({ tenant: 'default', eventName, id: webhookId }, { maxInFlight: 2 })
      const outcomes = []
      for (const id of ids) outcomes.push((await claim(id)).kind)
      expect(outcomes).toEqual(['claimed', 'claimed', 'parked', 'parked'])
      const released = await rig.health.release({ webhookId, count: 2, limit: 2 })
      expect(readyIds(released.ready)).toEqual(ids.slice(2, 3))
    })

    test('a backlog that is begun anew forgets what was counted', async () => {
      const { webhookId, eventName, ids } = await webhookWith(30)
      await rig.webhooks.change(
        { tenant: 'default', eventName, id: webhookId },
        { maxInFlight: 15 },
      )
      for (const id of ids) await claim(id)
      // Fifteen are under way and count: one that ends makes room for one.
      expect((await rig.health.release({ webhookId, count: 10, limit: 15 })).ready).toHaveLength(1)
      const anew = await rig.health.release({ webhookId, count: 10, limit: 15, anew: true })
      expect(anew.ready).toHaveLength(10)
    })

    test('the breaker parks what is due for the direct dispatcher as well, and it goes on', async () => {
      const sick = await webhookWith(4)
      await open(sick.webhookId)
      for (const id of sick.ids) await rig.patch(id, { nextInMs: -60_000 })
      const well = await webhookWith(1)
      const claims = await rig.deliveryLog.claimDue(['a', 'b'])
      expect(claims.map(({ deliveryId }) => deliveryId)).toEqual(well.ids)
      const parked = []
      for (const id of sick.ids) parked.push((await rig.rowOf(id)).parked)
      expect(parked).toEqual(Array(4).fill('breaker_open'))
    })

    test('the sweep leaves alone what waits for a breaker, and asks for the probe', async () => {
      const { webhookId, ids } = await webhookWith(2)
      const [first = '', second = ''] = ids
      await open(webhookId)
      await claim(first)
      await claim(second)
      await rig.patch(first, { dueInMs: -1_000 })
      await rig.patch(second, { dueInMs: -1_000 })
      const due = await rig.sweepStore.takeDue(10)
      expect(due.map(({ deliveryId, finding }) => [deliveryId, finding])).toEqual([
        [first, 'unqueued'],
        [second, 'parked'],
      ])
      expect(await rig.rowOf(second)).toMatchObject({ parked: 'breaker_open', next_in: -1 })
      expect(Math.round((due[0]?.delayMs ?? 0) / 1_000)).toBe(60)
    })

    test('a parked delivery whose webhook is well again is found by its due time', async () => {
      const { webhookId, eventName, ids } = await webhookWith(2)
      const [first = '', second = ''] = ids
      await open(webhookId)
      await claim(first)
      await claim(second)
      const key = { tenant: 'default', eventName, id: webhookId }
      await rig.webhooks.change(key, { status: 'disabled' })
      await rig.webhooks.change(key, { status: 'enabled' })
      expect(readyIds(await rig.webhooks.releaseParked(webhookId, 1))).toEqual([first])
      await rig.patch(second, { dueInMs: -1_000 })
      const due = await rig.sweepStore.takeDue(10)
      expect(due.filter(({ deliveryId }) => deliveryId === second)).toMatchObject([
        { finding: 'unqueued', delayMs: 0 },
      ])
      expect(await rig.rowOf(second)).toMatchObject({ parked: null, next_in: 0 })
    })

    test('a chain that has broken is taken up again by the sweep', async () => {
      const { webhookId, eventName, ids } = await webhookWith(3)
      const [first = '', second = '', third = ''] = ids
      await open(webhookId)
      for (const id of ids) await claim(id)
      expect(await rig.sweepStore.wakeWebhooks(10)).toEqual([])
      const key = { tenant: 'default', eventName, id: webhookId }
      await rig.webhooks.releaseParked(webhookId, 1)
      expect(readyIds(await rig.sweepStore.wakeWebhooks(10))).toEqual([second, third])
      expect(claimOf(await claim(second, 'woken')).health.released).toBe(true)
      expect(await rig.rowOf(first)).toMatchObject({ parked: null })
      expect((await rig.webhooks.find(key))?.status).toBe('enabled')
    })

    test('an open breaker without a living probe gets a new one from the sweep', async () => {
      const { webhookId, ids } = await webhookWith(3)
      const [first = '', second = '', third = ''] = ids
      await open(webhookId, -3_600_000)
      for (const id of ids) await claim(id)
      await rig.makeDueNow(first)
      expect(await rig.sweepStore.wakeWebhooks(10)).toEqual([])
      await rig.replays.cancel('default', first)
      expect(readyIds(await rig.sweepStore.wakeWebhooks(10))).toEqual([second])
      expect(await claim(third, 'again')).toEqual({ kind: 'parked', reason: 'breaker_open' })
      expect(claimOf(await claim(second, 'again')).health.probe).toBe(true)
    })

    test('since when a webhook fails is kept until it succeeds', async () => {
      const { webhookId, ids } = await webhookWith(3)
      const [first = '', second = '', third = ''] = ids
      expect((await failed(first)).health.failingForMs).toBeNull()
      await rig.health.failing(webhookId)
      await rig.health.failing(webhookId)
      expect(claimOf(await claim(second)).health.failingForMs).toBeGreaterThanOrEqual(0)
      await rig.health.succeeded(webhookId)
      expect(claimOf(await claim(third)).health.failingForMs).toBeNull()
    })

    // A process that died between enabling it and letting go what waited left the days of failure: the next failure
    // disabled it again.
    test('a person who enables it begins the count of the days anew, with that very change', async () => {
      const { webhookId, eventName, ids } = await webhookWith(1)
      const key = { tenant: 'default', eventName, id: webhookId }
      await rig.health.failing(webhookId)
      await rig.webhooks.disable(webhookId, 'failing')
      await rig.webhooks.change(key, { status: 'enabled', disabledReason: null })
      expect(claimOf(await claim(ids[0] ?? '')).health.failingForMs).toBeNull()
    })
  })
