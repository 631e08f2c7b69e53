// Results that disable webhooks, in several processes at once and beside people who change webhooks, on one Postgres.

import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { Claim, RoutingChange } from '../../lib/broker/ports.ts'
import { makeSchema, type TestSchema } from '../support/schema.ts'
import { anotherProcess, holdTransaction } from '../support/sessions.ts'
import {
  answered,
  claimOf,
  freshEvent,
  GONE,
  record,
  registered,
  rigOver,
  triggerOf,
  type StoreRig,
} from '../support/store-rig.ts'

let schema: TestSchema
let rig: StoreRig
beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
  rig = rigOver(schema.database, schema.sql, schema.drop)
})
afterAll(() => rig.close())

/** Two webhooks of one tenant, and `count` claims of each. */
const claimedOfTwo = async (count: number) => {
  const tenant = `tenant-${freshEvent()}`
  const low = await registered(rig, 'e', ['http://127.0.0.1:1/a', tenant])
  const high = await registered(rig, 'e', ['http://127.0.0.1:1/b', tenant])
  const claims: Claim[] = []
  for (let n = 0; n < count; n += 1) {
    const { deliveryIds } = await rig.deliveryLog.accept(triggerOf('e', { tenant }))
    for (const id of deliveryIds) claims.push(claimOf(await rig.deliveryLog.claim(id, `t-${id}`)))
  }
  const of = (webhook: { id: string }) => claims.filter(({ webhookId }) => webhookId === webhook.id)
  return { tenant, low, high, ofLow: of(low), ofHigh: of(high) }
}

const isLocked = async (table: string, id: string) =>
  (await schema.sql(`select 1 from ${table} where id = $1 for update skip locked`, [id])).length ===
  0

describe('locks are taken in one order', () => {
  test('webhooks by id, and the tenant after them', async () => {
    const { tenant, low, high, ofLow, ofHigh } = await claimedOfTwo(1)
    expect([await isLocked('webhooks', low.id), await isLocked('tenants', tenant)]).toEqual([
      false,
      false,
    ])
    const held = await holdTransaction(schema)
    await held.sql('select 1 from webhooks where id = $1 for update', [high.id])
    const recorded = [...ofHigh, ...ofLow].map((claim) => record(rig, claim, [answered(410), GONE]))
    await held.blocks(1)
    expect(await isLocked('webhooks', low.id)).toBe(true)
    expect(await isLocked('tenants', tenant)).toBe(false)
    await held.rollBack()
    expect((await Promise.all(recorded)).map(({ disabled }) => disabled?.op)).toEqual([
      'remove',
      'remove',
    ])
  })

  test('so that results in four processes and people who change the same webhooks never deadlock', async () => {
    const processes = Array.from({ length: 4 }, () => anotherProcess(schema.database))
    for (let round = 0; round < 15; round += 1) {
      const { tenant, low, high, ofLow, ofHigh } = await claimedOfTwo(4)
      const changes: (RoutingChange | null)[] = []
      const keep = ({ change }: { change: RoutingChange | null }) => changes.push(change)
      await Promise.all([
        ...processes.flatMap((process, n) => {
          const mine = [ofLow[n], ofHigh[n]].filter((claim) => claim !== undefined)
          return (n % 2 === 0 ? mine : mine.reverse()).map(async (claim) => {
            const { disabled } = await record(process, claim, [answered(410), GONE])
            keep({ change: disabled })
          })
        }),
        ...[high, low].map(async ({ id }) => {
          const key = { tenant, eventName: 'e', id }
          const changed = await rig.webhooks.change(key, { status: 'disabled' })
          keep({ change: changed?.change ?? null })
        }),
        ...[1, 2].map(async (n) => {
          const { webhookUrl } = await registered(rig, 'f', [`http://127.0.0.1:1/${n}`, tenant])
          expect(webhookUrl).toBe(`http://127.0.0.1:1/${n}`)
        }),
      ])
      const { version, urls } = await rig.webhooks.routingSnapshot(tenant)
      // Four registrations, and each of the two webhooks disabled exactly once, by whoever came first.
      expect(version).toBe(6)
      expect([...urls.keys()]).toEqual(['f'])
      const disabled = changes.filter((change) => change !== null)
      expect(disabled.map(({ webhookUrl }) => webhookUrl).sort()).toEqual([
        'http://127.0.0.1:1/a',
        'http://127.0.0.1:1/b',
      ])
    }
  })
})

test('a result that waits behind a person who disables the webhook leaves it disabled by hand', async () => {
  const { tenant, low, ofLow } = await claimedOfTwo(1)
  const [claim] = ofLow
  if (claim === undefined) throw new Error('no claim')
  const held = await holdTransaction(schema)
  await held.sql(
    "update webhooks set status = 'disabled', disabled_reason = 'manual' where id = $1",
    [low.id],
  )
  const recorded = record(rig, claim, [answered(410), GONE])
  await held.blocks(1)
  await held.commit()
  expect(await recorded).toMatchObject({ status: 'dead', disabled: null })
  expect(await rig.webhooks.find({ tenant, eventName: 'e', id: low.id })).toMatchObject({
    disabledReason: 'manual',
  })
})

test('a result that waits behind another change of the tenant goes on from its version', async () => {
  const { tenant, ofLow } = await claimedOfTwo(1)
  const [claim] = ofLow
  if (claim === undefined) throw new Error('no claim')
  const held = await holdTransaction(schema)
  await held.sql('update tenants set routing_version = routing_version + 5 where id = $1', [tenant])
  const recorded = record(rig, claim, [answered(410), GONE])
  await held.blocks(1)
  await held.commit()
  expect(await recorded).toMatchObject({ disabled: { from: 7, to: 8 } })
  expect((await rig.webhooks.routingSnapshot(tenant)).version).toBe(8)
})

test('a commit that does not happen disables nothing and tells nothing', async () => {
  const { tenant, low, ofLow } = await claimedOfTwo(1)
  const [claim] = ofLow
  if (claim === undefined) throw new Error('no claim')
  await registered(rig, 'broker.webhook.disabled', ['http://127.0.0.1:1/ops', tenant])
  await registered(rig, 'broker.delivery.dead', ['http://127.0.0.1:1/ops', tenant])
  const noted = () =>
    schema.sql<{ event_name: string }>(
      'select event_name from operational_events where tenant = $1 order by event_name',
      [tenant],
    )
  const result = { claim, outcome: answered(410), plan: GONE, durationMs: 1 }
  const held = await holdTransaction(schema)
  expect(await held.stores.deliveryLog.record(result)).toMatchObject({
    status: 'dead',
    noted: true,
  })
  await held.rollBack()
  expect(await noted()).toEqual([])
  expect(await rig.webhooks.find({ tenant, eventName: 'e', id: low.id })).toMatchObject({
    status: 'enabled',
  })
  // The control: the same result, committed.
  await rig.deliveryLog.record(result)
  expect(await noted()).toEqual([
    { event_name: 'broker.delivery.dead' },
    { event_name: 'broker.webhook.disabled' },
  ])
})
