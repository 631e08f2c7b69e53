// Registrations by several processes at once on one Postgres: the routing version counts them, one by one.

import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { RoutingSnapshot } from '../../lib/broker/ports.ts'
import { makeSchema, type TestSchema } from '../support/schema.ts'
import { anotherProcess, holdTransaction } from '../support/sessions.ts'
import { freshEvent, registered, rigOver, type StoreRig } from '../support/store-rig.ts'

let schema: TestSchema
let rig: StoreRig
beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
  rig = rigOver(schema.database, schema.sql, schema.drop)
})
afterAll(() => rig.close())

const inAnotherProcess = (): StoreRig => ({ ...rig, ...anotherProcess(schema.database) })

test('one URL in eight processes is one webhook, of one version', async () => {
  const tenant = `tenant-${freshEvent()}`
  const held = await holdTransaction(schema)
  // All eight stand before the same uncommitted registration when it goes away.
  await held.sql(
    "insert into webhooks (id, tenant, event_name, url, secret) values ($1, $1, 'e', 'http://127.0.0.1:1/a', '')",
    [tenant],
  )
  const asked = Array.from({ length: 8 }, () =>
    registered(inAnotherProcess(), 'e', ['http://127.0.0.1:1/a', tenant]),
  )
  await held.blocks(8)
  await held.rollBack()
  expect(new Set((await Promise.all(asked)).map(({ id }) => id)).size).toBe(1)
  expect(await rig.webhooks.routingSnapshot(tenant)).toEqual({
    tenant,
    version: 1,
    urls: new Map([['e', ['http://127.0.0.1:1/a']]]),
  })
})

test('each of forty changes at once goes from one version to the next, and none is left out', async () => {
  const tenant = `tenant-${freshEvent()}`
  const stores = Array.from({ length: 4 }, () => anotherProcess(schema.database).webhooks)
  const changes = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const { change } = await (stores[index % 4] ?? rig.webhooks).register({
        id: `wh_${tenant}_${index}`,
        tenant,
        eventName: 'e',
        webhookUrl: `http://127.0.0.1:1/${index}`,
        description: null,
        headers: {},
        timeoutMs: null,
        rateLimit: null,
        maxInFlight: null,
        sealedSecret: '',
      })
      return [change?.from, change?.to]
    }),
  )
  expect(changes.sort(([a = 0], [b = 0]) => a - b)).toEqual(
    Array.from({ length: 40 }, (_, index) => [index, index + 1]),
  )
})

test('a picture taken while others register shows one moment: as many URLs as its version says', async () => {
  const tenant = `tenant-${freshEvent()}`
  await registered(rig, 'e', ['http://127.0.0.1:1/first', tenant])
  const pictures: RoutingSnapshot[] = []
  let registering = true
  const watch = async () => {
    while (registering) pictures.push(await rig.webhooks.routingSnapshot(tenant))
  }
  const watching = watch()
  const other = inAnotherProcess()
  for (let index = 0; index < 60; index += 1)
    await registered(other, 'e', [`http://127.0.0.1:1/${index}`, tenant])
  registering = false
  await watching
  const counts = pictures.map(({ version, urls }) => [version, urls.get('e')?.length])
  expect(counts).toEqual(pictures.map(({ version }) => [version, version]))
  // Taken before or after all of them, the pictures would say nothing.
  expect(new Set(pictures.map(({ version }) => version)).size).toBeGreaterThan(5)
})
