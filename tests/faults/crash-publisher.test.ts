// Row 32 of the crash table: whoever publishes operational events dies. What was noted is published by somebody else, and
// what was published is not published again.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRig, type Rig } from './rig.ts'

const EVENT = 'broker.webhook.disabled'

let rig: Rig
let worker: { stop(): Promise<unknown> }
beforeAll(async () => {
  rig = await startRig()
  await rig.start('api')
  await rig.webhooks(EVENT)
})
afterAll(async () => {
  await rig.stop()
})

const noted = async () => (await rig.postgres.sql('select id from operational_events')).length
/** As when half a minute has passed since its publisher took it. */
const letPublishersDie = () => rig.postgres.sql('update operational_events set next_at = now()')
const messages = () =>
  rig.postgres.sql<{ id: string }>('select id from messages where event_name = $1', [EVENT])
const heard = () => rig.receiver.lines().filter(({ path }) => path === `/${EVENT}`)

/** Whoever writes it: the broker, a person, a script of theirs. */
const disable = (eventName: string) =>
  rig.postgres.sql(
    "update webhooks set status = 'disabled', disabled_reason = 'manual' where event_name = $1",
    [eventName],
  )

const deliverAll = async () => {
  worker = await rig.start('worker')
  await rig.settle()
  await worker.stop()
}

test.each([
  ['E1 (taken, no message yet)', 'E1', { left: 1, accepted: 0 }],
  ['E2 (message accepted and handed over)', 'E2', { left: 1, accepted: 1 }],
  ['E3 (the event forgotten)', 'E3', { left: 0, accepted: 1 }],
])('row 32: a sweep that dies after %s publishes once', async (_name, step, { left, accepted }) => {
  const [before, known] = [heard().length, (await messages()).length]
  await rig.webhooks(`told-${step}`)
  await disable(`told-${step}`)
  expect(await rig.sweepOnce({ FAILPOINTS: `${step}=kill@1` })).toBeUndefined()
  expect([await noted(), (await messages()).length - known]).toEqual([left, accepted])
  await letPublishersDie()
  expect(await rig.sweepOnce()).toBeDefined()
  expect([await noted(), (await messages()).length - known]).toEqual([0, 1])
  await deliverAll()
  expect(heard().length - before).toBe(1)
  expect(new Set(heard().map(({ webhookId }) => webhookId)).size).toBe(heard().length)
  expect(heard().every(({ signatureOk }) => signatureOk)).toBe(true)
})

test('row 32: a worker that dies when it has recorded a 410, before it publishes, leaves that to the sweep', async () => {
  const [before, known] = [heard().length, (await messages()).length]
  await rig.webhooks('told-gone', { behaviour: 'status=410' })
  const victim = await rig.start('worker', { FAILPOINTS: 'W7=kill@1' })
  await rig.client.trigger('told-gone')
  expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' })
  expect([await noted(), (await messages()).length - known]).toEqual([1, 0])
  expect(await rig.sweepOnce()).toBeDefined()
  await deliverAll()
  expect(heard().length - before).toBe(1)
})

test('row 32: two sweeps at once publish once', async () => {
  const [before, known] = [heard().length, (await messages()).length]
  const names = Array.from({ length: 20 }, (_, n) => `told-twice-${n}`)
  for (const name of names) await rig.webhooks(name)
  for (const name of names) await disable(name)
  await Promise.all([rig.sweepOnce(), rig.sweepOnce()])
  expect([await noted(), (await messages()).length - known]).toEqual([0, 20])
  await deliverAll()
  expect(heard().length - before).toBe(20)
})
