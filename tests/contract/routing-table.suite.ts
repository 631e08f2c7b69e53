// What every routing table must do, whatever it is made of.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RoutingChange, RoutingSnapshot, RoutingTable } from '../../lib/broker/ports.ts'

export type RoutingTableRig = {
  table: RoutingTable
  /** Everything is lost. */
  clear(): Promise<void>
  close(): Promise<void>
}

const A = 'http://a.example/h'
const B = 'http://b.example/h'

const change = (from: number, op: 'add' | 'remove', webhookUrl: string): RoutingChange => ({
  tenant: 'acme',
  eventName: 'order.paid',
  webhookUrl,
  op,
  from,
  to: from + 1,
})

const snapshot = (version: number, sets: Record<string, string[]>): RoutingSnapshot => ({
  tenant: 'acme',
  version,
  urls: new Map(Object.entries(sets)),
})

const sorted = async (table: RoutingTable, tenant = 'acme', eventName = 'order.paid') => {
  const route = await table.lookup(tenant, eventName)
  return route === undefined ? undefined : { ...route, urls: route.urls.toSorted() }
}

export const describeRoutingTable = (name: string, open: () => Promise<RoutingTableRig>): void => {
  describe(`the routing table ${name}`, () => {
    let rig: RoutingTableRig
    let table: RoutingTable

    beforeAll(async () => {
      rig = await open()
      table = rig.table
    })
    beforeEach(() => rig.clear())
    afterAll(() => rig.close())

    it('knows nothing of a tenant without a version', async () => {
      expect(await table.lookup('acme', 'order.paid')).toBeUndefined()
    })

    it("begins with a tenant's very first change", async () => {
      expect(await table.apply(change(0, 'add', A))).toBe(true)
      expect(await sorted(table)).toEqual({ version: 1, urls: [A] })
    })

    it('follows changes one by one, and an event without URLs has an empty set', async () => {
      await table.apply(change(0, 'add', A))
      await table.apply(change(1, 'add', B))
      expect(await sorted(table)).toEqual({ version: 2, urls: [A, B] })
      await table.apply(change(2, 'remove', A))
      expect(await sorted(table)).toEqual({ version: 3, urls: [B] })
      await table.apply(change(3, 'remove', B))
      expect(await sorted(table)).toEqual({ version: 4, urls: [] })
    })

    it('refuses a change that was made on top of another version, and changes nothing', async () => {
      await table.apply(change(0, 'add', A))
      await table.apply(change(1, 'add', B))
      expect(await table.apply(change(1, 'remove', A))).toBe(false)
      expect(await table.apply(change(3, 'remove', A))).toBe(false)
      expect(await table.apply(change(0, 'remove', A))).toBe(false)
      expect(await sorted(table)).toEqual({ version: 2, urls: [A, B] })
    })

    it('refuses every change but the first while it holds no version', async () => {
      expect(await table.apply(change(7, 'add', A))).toBe(false)
      expect(await sorted(table)).toBeUndefined()
    })

    it('keeps tenants and events apart, whatever they are called', async () => {
      const names = ['version', 'rebuild', 'event', '__proto__', 'constructor', 'a.b', 'a-b', 'A_1']
      for (const [n, eventName] of names.entries()) {
        const webhookUrl = `${A}?n=${n}`
        await table.apply({ ...change(n, 'add', webhookUrl), eventName })
      }
      await table.apply({ ...change(0, 'add', B), tenant: 'version', eventName: 'version' })
      for (const [n, eventName] of names.entries()) {
        expect(await table.lookup('acme', eventName)).toEqual({ version: 8, urls: [`${A}?n=${n}`] })
      }
      expect(await table.lookup('version', 'version')).toEqual({ version: 1, urls: [B] })
      expect(await table.lookup('version', 'a.b')).toEqual({ version: 1, urls: [] })
      expect(await table.lookup('acm', 'a.b')).toBeUndefined()
    })

    it('gives back every URL byte for byte, also those that look like other values', async () => {
      const urls = [
        '1',
        'true',
        'null',
        '{"a":1}',
        'http://h/%C3%A4?q="x"&y=\u00e4',
        'http://h/:{}*',
      ]
      for (const [n, url] of urls.entries()) await table.apply(change(n, 'add', url))
      expect(await sorted(table)).toEqual({ version: 6, urls: urls.toSorted() })
    })

    it('tells the versions of many tenants in their order', async () => {
      await table.apply({ ...change(0, 'add', A), tenant: 'first' })
      await table.apply({ ...change(0, 'add', A), tenant: 'last' })
      await table.apply({ ...change(1, 'add', B), tenant: 'last' })
      const unknown = Array.from({ length: 1_200 }, (_, n) => `unknown-${n}`)
      const versions = await table.versions(['first', ...unknown, 'last'])
      expect(versions).toHaveLength(1_202)
      expect([versions[0], versions[1], versions[1_200], versions[1_201]]).toEqual([
        1,
        undefined,
        undefined,
        2,
      ])
      expect(await table.versions([])).toEqual([])
    })

    it('replaces sets in a rebuild, and goes on from its version', async () => {
      await table.apply(change(0, 'add', A))
      const won = await table.rebuild(
        () => Promise.resolve(snapshot(9, { 'order.paid': [B], other: [A, B] })),
        'acme',
      )
      expect(won).toBe(true)
      expect(await sorted(table)).toEqual({ version: 9, urls: [B] })
      expect(await sorted(table, 'acme', 'other')).toEqual({ version: 9, urls: [A, B] })
      expect(await table.apply(change(9, 'add', A))).toBe(true)
      expect(await sorted(table)).toEqual({ version: 10, urls: [A, B] })
    })

    it('rebuilds a tenant without webhooks', async () => {
      expect(await table.rebuild(() => Promise.resolve(snapshot(4, {})), 'acme')).toBe(true)
      expect(await sorted(table)).toEqual({ version: 4, urls: [] })
    })

    it('rebuilds a set of 2,500 URLs and 1,500 small sets', async () => {
      const many = Array.from({ length: 2_500 }, (_, n) => `http://h/${n}`)
      const sets: Record<string, string[]> = { 'order.paid': many }
      for (let n = 0; n < 1_500; n += 1) sets[`e${n}`] = [`http://e/${n}`]
      await table.rebuild(() => Promise.resolve(snapshot(2, sets)), 'acme')
      expect(await sorted(table)).toEqual({ version: 2, urls: many.toSorted() })
      expect(await sorted(table, 'acme', 'e1499')).toEqual({ version: 2, urls: ['http://e/1499'] })
    })

    it('believes nothing and takes no change from before the snapshot is read until the rebuild ends', async () => {
      await table.apply(change(0, 'add', A))
      const seen: unknown[] = []
      await table.rebuild(async () => {
        seen.push(await table.lookup('acme', 'order.paid'))
        seen.push(await table.apply(change(1, 'add', B)))
        // The very first change of a tenant needs no version, but a rebuild that runs will bring it itself.
        seen.push(await table.apply(change(0, 'add', B)))
        return snapshot(1, { 'order.paid': [A] })
      }, 'acme')
      expect(seen).toEqual([undefined, false, false])
      expect(await sorted(table)).toEqual({ version: 1, urls: [A] })
    })

    // Without the token, the older rebuild would write its old sets under the version that the newer one has set, and
    // a trigger would believe them: deliveries would be missing.
    it('lets an older rebuild give way to one that began and ended meanwhile', async () => {
      const older = await table.rebuild(async () => {
        const picture = snapshot(1, { 'order.paid': [A] })
        const newer = await table.rebuild(
          () => Promise.resolve(snapshot(2, { 'order.paid': [A, B] })),
          'acme',
        )
        expect(newer).toBe(true)
        return picture
      }, 'acme')
      expect(older).toBe(false)
      expect(await sorted(table)).toEqual({ version: 2, urls: [A, B] })
    })

    it('lets an older rebuild give way at its very end, too: it has no set to write', async () => {
      const older = await table.rebuild(async () => {
        await table.rebuild(() => Promise.resolve(snapshot(2, { 'order.paid': [A] })), 'acme')
        await table.apply(change(2, 'add', B))
        return snapshot(1, {})
      }, 'acme')
      expect(older).toBe(false)
      expect(await sorted(table)).toEqual({ version: 3, urls: [A, B] })
    })

    it('lets an older rebuild give way to one that has only begun', async () => {
      let olderWon: boolean | undefined
      let begin: () => void = () => undefined
      const begun = new Promise<void>((resolve) => {
        begin = resolve
      })
      const older = table.rebuild(async () => {
        await begun
        return snapshot(1, { 'order.paid': [A] })
      }, 'acme')
      const newerWon = await table.rebuild(async () => {
        begin()
        olderWon = await older
        expect(await table.lookup('acme', 'order.paid')).toBeUndefined()
        return snapshot(2, { 'order.paid': [B] })
      }, 'acme')
      expect([olderWon, newerWon]).toEqual([false, true])
      expect(await sorted(table)).toEqual({ version: 2, urls: [B] })
    })

    it('stays without a version when a snapshot cannot be read, until the next rebuild', async () => {
      await table.apply(change(0, 'add', A))
      const failing = table.rebuild(() => Promise.reject(new Error('no Postgres')), 'acme')
      await expect(failing).rejects.toThrow('no Postgres')
      expect(await table.lookup('acme', 'order.paid')).toBeUndefined()
      expect(await table.apply(change(1, 'add', B))).toBe(false)
      await table.rebuild(() => Promise.resolve(snapshot(2, { 'order.paid': [A, B] })), 'acme')
      expect(await sorted(table)).toEqual({ version: 2, urls: [A, B] })
    })

    it('does not touch other tenants in a rebuild', async () => {
      await table.apply({ ...change(0, 'add', A), tenant: 'other' })
      await table.rebuild(() => Promise.resolve(snapshot(5, { 'order.paid': [B] })), 'acme')
      expect(await sorted(table, 'other')).toEqual({ version: 1, urls: [A] })
    })
  })
}
