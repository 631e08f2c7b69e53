// What claiming must do, on Postgres and in memory: one winner, leases, refusals that say why.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  answered,
  claimOf,
  DELIVERED,
  delivery,
  record,
  type MakeRig,
  type Rig,
} from '../support/store-rig.ts'

export const claimSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`claiming on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())

    test('gives everything an attempt needs, and a lease of timeout and margin', async () => {
      const { id, webhookId, eventName, accepted } = await delivery(rig)
      const claim = claimOf(await rig.deliveryLog.claim(id, 'token-a'))
      expect(claim).toMatchObject({
        deliveryId: id,
        token: 'token-a',
        attemptNumber: 1,
        series: 1,
        stepsUsed: 0,
        messageId: accepted.messageId,
        webhookId,
        eventName,
        tenant: 'default',
        webhookUrl: 'http://127.0.0.1:4000/h',
        contentType: 'application/json',
        headers: { 'x-a': '1' },
        sealedSecrets: ['plain:one'],
        timeoutMs: 1_000,
      })
      expect(Buffer.from(claim.payload).toString()).toBe('{"s":"a\\u0000b"}')
      expect(claim.leaseUntilMs - claim.claimedAtMs).toBeGreaterThanOrEqual(1_499)
      expect(claim.leaseUntilMs - claim.claimedAtMs).toBeLessThanOrEqual(1_501)
      expect(await rig.rowOf(id)).toMatchObject({
        status: 'pending',
        attempt_count: 1,
        leased: true,
      })
    })

    test('again with the same token is the same claim', async () => {
      const { id } = await delivery(rig)
      const first = claimOf(await rig.deliveryLog.claim(id, 'token-a'))
      expect(claimOf(await rig.deliveryLog.claim(id, 'token-a'))).toMatchObject({
        attemptNumber: 1,
        leaseUntilMs: first.leaseUntilMs,
      })
      expect((await rig.rowOf(id)).attempt_count).toBe(1)
    })

    test('by another is refused until the lease ends', async () => {
      const { id } = await delivery(rig)
      const { leaseUntilMs } = claimOf(await rig.deliveryLog.claim(id, 'token-a'))
      expect(await rig.deliveryLog.claim(id, 'token-b')).toMatchObject({
        kind: 'leased',
        untilMs: leaseUntilMs,
      })
    })

    test('by two at once is won by one', async () => {
      const { id } = await delivery(rig)
      const outcomes = await Promise.all(
        ['token-a', 'token-b'].map((token) => rig.deliveryLog.claim(id, token)),
      )
      expect(outcomes.filter(({ kind }) => kind === 'claimed')).toHaveLength(1)
    })

    test('after a lease that ended writes the attempt as unknown and goes on', async () => {
      const { id } = await delivery(rig)
      await rig.deliveryLog.claim(id, 'token-a')
      await rig.expireLease(id)
      expect(claimOf(await rig.deliveryLog.claim(id, 'token-b'))).toMatchObject({
        attemptNumber: 2,
        stepsUsed: 0,
      })
      expect(await rig.outcomesOf(id)).toEqual(['1 unknown'])
      expect((await rig.rowOf(id)).crash_count).toBe(1)
    })

    test('ends with the crash budget: five may crash, the sixth is the last', async () => {
      const { id } = await delivery(rig)
      for (let crash = 0; crash < 6; crash += 1) {
        claimOf(await rig.deliveryLog.claim(id, `token-${crash}`))
        await rig.expireLease(id)
      }
      expect(await rig.deliveryLog.claim(id, 'token-last')).toEqual({ kind: 'finished' })
      expect(await rig.rowOf(id)).toMatchObject({
        status: 'dead',
        dead_reason: 'crash_budget',
        attempt_count: 6,
      })
    })

    test('is refused before its time', async () => {
      const { id } = await delivery(rig)
      await rig.patch(id, { nextInMs: 3_600_000 })
      const refusal = await rig.deliveryLog.claim(id, 'token-a')
      expect(refusal.kind).toBe('not_due')
      if (refusal.kind === 'not_due')
        expect(Math.round((refusal.atMs - refusal.dbNowMs) / 1000)).toBe(3_600)
    })

    test('of what is unknown or has ended is refused', async () => {
      const { id } = await delivery(rig)
      await record(rig, claimOf(await rig.deliveryLog.claim(id, 'token-a')), [
        answered(200),
        DELIVERED,
      ])
      expect(await rig.deliveryLog.claim(id, 'token-b')).toEqual({ kind: 'finished' })
      expect(await rig.deliveryLog.claim('dlv_nobody', 'token-b')).toEqual({ kind: 'gone' })
    })

    test('for a webhook that was removed cancels the delivery', async () => {
      const { id, webhookId } = await delivery(rig)
      await rig.deleteWebhookAlone(webhookId)
      expect(await rig.deliveryLog.claim(id, 'token-a')).toEqual({ kind: 'finished' })
      expect(await rig.rowOf(id)).toMatchObject({ status: 'cancelled', attempt_count: 0 })
    })

    test('for a webhook that is disabled parks the delivery until it is enabled', async () => {
      const { id, webhookId, eventName } = await delivery(rig)
      await rig.webhooks.disable(webhookId, 'gone')
      expect(await rig.deliveryLog.claim(id, 'token-a')).toEqual({
        kind: 'parked',
        reason: 'webhook_disabled',
      })
      expect(await rig.rowOf(id)).toMatchObject({
        status: 'pending',
        parked: 'webhook_disabled',
        next_in: -1,
        attempt_count: 0,
      })
      expect((await rig.reader.delivery('default', id))?.waiting).toEqual({
        reason: 'webhook_disabled',
        until: null,
      })
      await rig.webhooks.change(
        { tenant: 'default', eventName, id: webhookId },
        { status: 'enabled' },
      )
      expect(await rig.webhooks.releaseParked(webhookId, 10)).toEqual([
        { deliveryId: id, generation: 1 },
      ])
      expect(claimOf(await rig.deliveryLog.claim(id, 'token-b')).attemptNumber).toBe(1)
    })

    test('signs with the newest secret and the one before it, for as long as they overlap', async () => {
      const { id, webhookId, eventName } = await delivery(rig)
      await rig.webhooks.rotateSecret(
        { tenant: 'default', eventName, id: webhookId },
        'plain:two',
        60_000,
      )
      expect(claimOf(await rig.deliveryLog.claim(id, 'token-a')).sealedSecrets).toEqual([
        'plain:two',
        'plain:one',
      ])
      await rig.endRotation(webhookId)
      await rig.expireLease(id)
      expect(claimOf(await rig.deliveryLog.claim(id, 'token-b')).sealedSecrets).toEqual([
        'plain:two',
      ])
    })

    test('what is due passes over what may not be sent, and writes down why', async () => {
      await rig.endAllOpen()
      const removed = await delivery(rig)
      await rig.deleteWebhookAlone(removed.webhookId)
      const disabled = await delivery(rig)
      await rig.webhooks.disable(disabled.webhookId, 'gone')
      const crashed = await delivery(rig)
      await rig.deliveryLog.claim(crashed.id, 'token-dead')
      await rig.expireLease(crashed.id)
      const flying = await delivery(rig)
      await rig.deliveryLog.claim(flying.id, 'token-living')
      const early = await delivery(rig)
      await rig.patch(early.id, { nextInMs: 60_000 })
      const due = await delivery(rig)
      const claims = await rig.deliveryLog.claimDue(['a', 'b', 'c', 'd', 'e', 'f'])
      expect(
        claims
          .map(({ deliveryId, attemptNumber }) => [deliveryId, attemptNumber])
          .sort(([, a], [, b]) => Number(b) - Number(a)),
      ).toEqual([
        [crashed.id, 2],
        [due.id, 1],
      ])
      expect(await rig.outcomesOf(crashed.id)).toEqual(['1 unknown'])
      expect((await rig.rowOf(removed.id)).status).toBe('cancelled')
      expect((await rig.rowOf(disabled.id)).parked).toBe('webhook_disabled')
      expect(await rig.rowOf(flying.id)).toMatchObject({ attempt_count: 1, leased: true })
      expect(await rig.rowOf(early.id)).toMatchObject({ attempt_count: 0, leased: false })
    })

    test('what is due takes the longest due first', async () => {
      await rig.endAllOpen()
      const young = await delivery(rig)
      const old = await delivery(rig)
      await rig.patch(old.id, { nextInMs: -60_000 })
      expect((await rig.deliveryLog.claimDue(['a'])).map(({ deliveryId }) => deliveryId)).toEqual([
        old.id,
      ])
      expect((await rig.deliveryLog.claimDue(['b'])).map(({ deliveryId }) => deliveryId)).toEqual([
        young.id,
      ])
    })

    test('what is due takes no more than it was asked for, and nothing twice', async () => {
      await rig.endAllOpen()
      const made = [await delivery(rig), await delivery(rig), await delivery(rig)].map(
        ({ id }) => id,
      )
      const taken = await Promise.all([
        rig.deliveryLog.claimDue(['a', 'b']),
        rig.deliveryLog.claimDue(['c', 'd']),
      ])
      expect(
        taken
          .flat()
          .map(({ deliveryId }) => deliveryId)
          .sort(),
      ).toEqual([...made].sort())
      expect(await rig.deliveryLog.claimDue(['e'])).toEqual([])
      expect(await rig.deliveryLog.claimDue([])).toEqual([])
    })
  })
