// What accepting a trigger makes of what the routing table says, on Postgres and in memory.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AcceptInput } from '../../lib/broker/ports.ts'
import { freshEvent, registered, triggerOf, type MakeRig, type Rig } from '../support/store-rig.ts'
import { acceptSuite } from './accept.suite.ts'

/** The same with every trigger as it comes in practice: with what the routing table says. A trigger alone then has a
 *  statement of its own. */
export const acceptRoutedSuite = (engine: string, makeRig: MakeRig): unknown =>
  acceptSuite(`${engine}, with routes`, async () => {
    const rig = await makeRig()
    const routeOf = async ({ tenant, eventName }: AcceptInput) => {
      const { version, urls } = await rig.webhooks.routingSnapshot(tenant)
      return { version, urls: urls.get(eventName) ?? [] }
    }
    const accept = async (input: AcceptInput) =>
      rig.deliveryLog.accept({ ...input, route: input.route ?? (await routeOf(input)) })
    return { ...rig, deliveryLog: { ...rig.deliveryLog, accept } }
  })

export const acceptRouteSuite = (engine: string, makeRig: MakeRig): unknown =>
  describe(`accepting with a route on ${engine}`, () => {
    let rig: Rig
    beforeAll(async () => {
      rig = await makeRig()
    })
    afterAll(() => rig.close())

    const versionNow = async () => (await rig.webhooks.routingSnapshot('default')).version

    test('believes the URLs of the current version, and a stale extra one creates nothing', async () => {
      const eventName = freshEvent()
      await registered(rig, eventName, ['http://127.0.0.1:1/a'])
      await registered(rig, eventName, ['http://127.0.0.1:1/b'])
      const route = {
        version: await versionNow(),
        urls: ['http://127.0.0.1:1/a', 'http://127.0.0.1:1/gone'],
      }
      expect(await rig.deliveryLog.accept(triggerOf(eventName, { route }))).toMatchObject({
        matched: 1,
        believed: true,
      })
      const gone = { version: await versionNow(), urls: ['http://127.0.0.1:1/gone'] }
      const nobody = await rig.deliveryLog.accept(triggerOf(eventName, { route: gone }))
      expect(nobody).toMatchObject({ matched: 0, deliveryIds: [], believed: true })
      expect((await rig.reader.message('default', nobody.messageId))?.deliveries).toEqual([])
    })

    test('says that a route of another version was not believed, and of a tenant that has none', async () => {
      const eventName = freshEvent()
      await registered(rig, eventName)
      const route = { version: (await versionNow()) + 1, urls: ['http://127.0.0.1:4000/h'] }
      expect(await rig.deliveryLog.accept(triggerOf(eventName, { route }))).toMatchObject({
        matched: 1,
        believed: false,
      })
      expect(
        await rig.deliveryLog.accept(triggerOf(eventName, { route, tenant: 'nobody' })),
      ).toMatchObject({ matched: 0, believed: false })
    })

    test('of many webhooks makes the same deliveries, whatever statement it takes', async () => {
      for (const count of [50, 51, 201]) {
        const eventName = freshEvent()
        const urls = Array.from({ length: count }, (_, n) => `http://127.0.0.1:1/${n}`)
        for (const url of urls) await registered(rig, eventName, [url])
        const route = { version: await versionNow(), urls: urls.slice(1) }
        const accepted = await rig.deliveryLog.accept(triggerOf(eventName, { route }))
        expect(accepted).toMatchObject({ matched: count - 1, believed: true })
        expect(new Set(accepted.deliveryIds).size).toBe(count - 1)
        expect(await rig.countDeliveries(accepted.messageId)).toBe(count - 1)
      }
    })

    test.each(['stale', 'missing', 'empty'])(
      'reads the webhooks itself when the route is %s',
      async (kind) => {
        const eventName = freshEvent()
        await registered(rig, eventName, ['http://127.0.0.1:1/a'])
        await registered(rig, eventName, ['http://127.0.0.1:1/b'])
        const version = await versionNow()
        const routes = {
          stale: { version: version - 1, urls: ['http://127.0.0.1:1/a'] },
          missing: undefined,
          // A set that was wiped looks just like this one.
          empty: { version, urls: [] },
        }
        const route = routes[kind as keyof typeof routes]
        expect(await rig.deliveryLog.accept(triggerOf(eventName, { route }))).toMatchObject({
          matched: 2,
        })
      },
    )
  })
