// A receiver that wants nothing more (410): its webhook is disabled by the commit that records the answer.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Webhook } from '../../lib/domain/webhook.ts'
import {
  answered,
  claimOf,
  DELIVERED,
  freshEvent,
  GONE,
  record,
  registered,
  triggerOf,
  type MakeRig,
  type Rig,
} from '../support/store-rig.ts'

export const recordGoneSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`a result that disables its webhook on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())

    /** Webhooks of one event of a tenant of their own, and claims of one delivery to each, by webhook. */
    const claimedOf = async (...paths: string[]) => {
      const tenant = `tenant-${freshEvent()}`
      const webhooks: Webhook[] = []
      for (const path of paths)
        webhooks.push(await registered(rig, 'e', [`http://127.0.0.1:1/${path}`, tenant]))
      const { deliveryIds } = await rig.deliveryLog.accept(triggerOf('e', { tenant }))
      const claims = await Promise.all(
        deliveryIds.map(async (id) => claimOf(await rig.deliveryLog.claim(id, `token-${id}`))),
      )
      const claimOfWebhook = (index: number) => {
        const claim = claims.find(({ webhookId }) => webhookId === webhooks[index]?.id)
        if (claim === undefined) throw new Error(`webhook ${index} got no delivery`)
        return claim
      }
      return {
        tenant,
        claims: webhooks.map((_, index) => claimOfWebhook(index)),
        webhookNow: (index: number) =>
          rig.webhooks.find({ tenant, eventName: 'e', id: webhooks[index]?.id ?? '' }),
        versionNow: async () => (await rig.webhooks.routingSnapshot(tenant)).version,
      }
    }
    const one = async () => {
      const made = await claimedOf('a')
      const [claim] = made.claims
      if (claim === undefined) throw new Error('no claim')
      return { ...made, claim }
    }

    // The webhook was disabled by a second step, after the delivery was seen to be dead, or never: its worker had died.
    test('disables it in the same commit, and says from which version to which', async () => {
      const { tenant, claim, webhookNow, versionNow } = await one()
      expect(await record(rig, claim, [answered(410), GONE])).toMatchObject({
        status: 'dead',
        fenced: false,
        disabled: {
          tenant,
          eventName: 'e',
          webhookUrl: 'http://127.0.0.1:1/a',
          op: 'remove',
          from: 1,
          to: 2,
        },
      })
      expect(await webhookNow(0)).toMatchObject({ status: 'disabled', disabledReason: 'gone' })
      expect(await versionNow()).toBe(2)
      expect((await rig.deliveryLog.accept(triggerOf('e', { tenant }))).matched).toBe(0)
    })

    test('leaves its neighbours in the batch enabled', async () => {
      const { claims, webhookNow, versionNow } = await claimedOf('a', 'b')
      const [first, second] = await Promise.all(
        claims.map((claim, index) =>
          record(rig, claim, index === 0 ? [answered(410), GONE] : [answered(200), DELIVERED]),
        ),
      )
      expect(first).toMatchObject({ status: 'dead', disabled: { from: 2, to: 3 } })
      expect(second).toMatchObject({ status: 'delivered', disabled: null })
      expect((await webhookNow(0))?.status).toBe('disabled')
      expect((await webhookNow(1))?.status).toBe('enabled')
      expect(await versionNow()).toBe(3)
    })

    test('one batch takes several webhooks of a tenant from version to version', async () => {
      const { claims, versionNow } = await claimedOf('a', 'b', 'c')
      const recorded = await Promise.all(
        claims.map((claim) => record(rig, claim, [answered(410), GONE])),
      )
      const steps = recorded.map(({ disabled }) => [disabled?.from, disabled?.to])
      expect(steps.sort(([a = 0], [b = 0]) => a - b)).toEqual([
        [3, 4],
        [4, 5],
        [5, 6],
      ])
      expect(new Set(recorded.map(({ disabled }) => disabled?.webhookUrl)).size).toBe(3)
      expect(await versionNow()).toBe(6)
    })

    test('of two deliveries of one webhook one is told, and the version rises once', async () => {
      const { tenant, claim, versionNow } = await one()
      const [id = ''] = (await rig.deliveryLog.accept(triggerOf('e', { tenant }))).deliveryIds
      const second = claimOf(await rig.deliveryLog.claim(id, 'token-second'))
      const recorded = await Promise.all(
        [claim, second].map((each) => record(rig, each, [answered(410), GONE])),
      )
      expect(recorded.map(({ status }) => status)).toEqual(['dead', 'dead'])
      expect(recorded.filter(({ disabled }) => disabled !== null)).toHaveLength(1)
      expect(await versionNow()).toBe(2)
    })

    test('the same result again is recorded once, and tells nothing', async () => {
      const { claim, versionNow } = await one()
      await record(rig, claim, [answered(410), GONE])
      expect(await record(rig, claim, [answered(410), GONE])).toMatchObject({
        status: 'dead',
        fenced: false,
        disabled: null,
      })
      expect(await versionNow()).toBe(2)
    })

    test('one that a person has disabled stays disabled by hand', async () => {
      const { tenant, claim, webhookNow, versionNow } = await one()
      const key = { tenant, eventName: 'e', id: claim.webhookId }
      await rig.webhooks.change(key, { status: 'disabled', disabledReason: 'manual' })
      expect(await record(rig, claim, [answered(410), GONE])).toMatchObject({ disabled: null })
      expect(await webhookNow(0)).toMatchObject({ status: 'disabled', disabledReason: 'manual' })
      expect(await versionNow()).toBe(2)
    })

    test('one that was removed is left alone', async () => {
      const { tenant, claim, versionNow } = await one()
      await rig.webhooks.remove({ tenant, eventName: 'e', id: claim.webhookId })
      expect(await record(rig, claim, [answered(410), GONE])).toMatchObject({ disabled: null })
      expect(await versionNow()).toBe(2)
    })

    test('a result whose lease was lost disables nothing', async () => {
      const { claim, webhookNow, versionNow } = await one()
      await rig.expireLease(claim.deliveryId)
      await rig.deliveryLog.claim(claim.deliveryId, 'token-b')
      expect(await record(rig, claim, [answered(410), GONE])).toMatchObject({
        fenced: true,
        disabled: null,
      })
      expect((await webhookNow(0))?.status).toBe('enabled')
      expect(await versionNow()).toBe(1)
    })
  })
