// The sweep beside others on one Postgres: rows that commit late, rows that another session holds.

import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { makeSchema, type TestSchema } from '../support/schema.ts'
import { anotherProcess, holdTransaction } from '../support/sessions.ts'
import {
  delivery,
  freshEvent,
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
beforeEach(() => rig.endAllOpen())

const idsOf = (due: readonly { deliveryId: string }[]) => due.map(({ deliveryId }) => deliveryId)

// O-LOG-2: "id greater than the last one seen" lost rows, since ids are handed out before the commit.
test('a row that commits after a younger one was swept is found by the next sweep', async () => {
  const eventName = freshEvent()
  await registered(rig, eventName)
  const held = await holdTransaction(schema)
  const [late = ''] = (await held.stores.deliveryLog.accept(triggerOf(eventName))).deliveryIds
  await held.sql("update deliveries set due_at = now() - interval '1 minute' where id = $1", [late])
  const young = await delivery(rig)
  await rig.makeDueNow(young.id)
  expect(late < young.id).toBe(true)
  expect(idsOf(await rig.sweepStore.takeDue(10))).toEqual([young.id])
  await held.commit()
  expect(idsOf(await rig.sweepStore.takeDue(10))).toEqual([late])
})

test('a row that commits late is made due after a loss of Redis as well', async () => {
  const eventName = freshEvent()
  await registered(rig, eventName)
  const held = await holdTransaction(schema)
  const [late = ''] = (await held.stores.deliveryLog.accept(triggerOf(eventName))).deliveryIds
  const young = await delivery(rig)
  expect(await rig.sweepStore.makeDue(10, undefined)).toEqual({ next: undefined, count: 1 })
  expect(idsOf(await rig.sweepStore.takeDue(10))).toEqual([young.id])
  await held.commit()
  // What the repair did not see yet is due a grace after it was accepted, like everything.
  await rig.makeDueNow(late)
  expect(idsOf(await rig.sweepStore.takeDue(10))).toEqual([late])
})

test('rows that another session holds are left to it, without waiting', async () => {
  const made = []
  for (let index = 0; index < 4; index += 1) made.push((await delivery(rig)).id)
  for (const id of made) await rig.makeDueNow(id)
  const held = await holdTransaction(schema)
  expect(idsOf(await held.stores.sweepStore.takeDue(2))).toHaveLength(2)
  const other = idsOf(await rig.sweepStore.takeDue(10))
  expect(other).toHaveLength(2)
  // The sweep died before its commit: what it had taken is due as before.
  await held.rollBack()
  const rest = idsOf(await rig.sweepStore.takeDue(10))
  expect([...other, ...rest].sort()).toEqual([...made].sort())
})

test('four sweeps and two direct workers at once share the rows and take none twice', async () => {
  const eventName = freshEvent()
  for (let index = 0; index < 60; index += 1)
    await registered(rig, eventName, [`http://127.0.0.1:1/${index}`])
  const { deliveryIds } = await rig.deliveryLog.accept(triggerOf(eventName))
  await rig.sql('update deliveries set due_at = now() where id = any($1)', [deliveryIds])
  const others = Array.from({ length: 6 }, () => anotherProcess(schema.database))
  const swept = others.slice(0, 4).map(({ sweepStore }) => sweepStore.takeDue(15))
  expect((await Promise.all(swept)).flat()).toHaveLength(60)
  const tokens = (worker: number) => Array.from({ length: 30 }, (_, index) => `${worker}-${index}`)
  const claimed = await Promise.all(
    others.slice(4).map(({ deliveryLog }, worker) => deliveryLog.claimDue(tokens(worker))),
  )
  const ids = idsOf(claimed.flat())
  expect(new Set(ids).size).toBe(ids.length)
  // A worker that met locked rows came away with less; what is left is there for the next round.
  const rest = idsOf(await rig.deliveryLog.claimDue(tokens(9).concat(tokens(10))))
  expect([...ids, ...rest].sort()).toEqual([...deliveryIds].sort())
})
