// Every row of the crash table (docs/guarantees.md) in which a worker dies: one delivery each, with the number of
// duplicates that the table promises. The same with fifty deliveries: long/crash-worker-50.faults.ts.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { crashWorkerIn, type CrashPoint } from './crash-points.ts'
import { startRig, type Rig } from './rig.ts'

let rig: Rig

beforeAll(async () => {
  rig = await startRig()
  await Promise.all([rig.start('api'), rig.start('sweep')])
})

afterAll(async () => {
  await rig.stop()
})

const one = (point: Omit<CrashPoint, 'deliveries'>) =>
  crashWorkerIn(rig, { ...point, deliveries: 1 })

const DELIVERED = { accepted: 1, delivered: 1, dead: 0, lost: 0, late: 0, violations: [] }

test('row 7: a worker that dies between W1 and W2 (job taken, not claimed) causes no duplicate', async () => {
  expect(await one({ step: 'W1', hit: 1 })).toEqual({ ...DELIVERED, duplicates: 0, requests: 1 })
})

test('row 8: a worker that dies between W2 and W3 (claimed, nothing sent) causes no duplicate', async () => {
  expect(await one({ step: 'W2', hit: 1 })).toEqual({ ...DELIVERED, duplicates: 0, requests: 1 })
})

test('row 8: a worker that dies between W3 and W4 (signed, nothing sent) causes no duplicate', async () => {
  expect(await one({ step: 'W3', hit: 1 })).toEqual({ ...DELIVERED, duplicates: 0, requests: 1 })
})

test('row 9: a worker that dies between W4 and W5 (about to send) causes no duplicate', async () => {
  expect(await one({ step: 'W4', hit: 1 })).toEqual({ ...DELIVERED, duplicates: 0, requests: 1 })
})

test('row 10: a worker that dies between W5 and W6 (request sent, no answer yet) causes one duplicate', async () => {
  expect(await one({ step: 'W5', hit: 1 })).toEqual({ ...DELIVERED, duplicates: 1, requests: 2 })
})

test('row 11: a worker that dies between W6 and W7 after a 2xx (answered, not recorded) causes one duplicate', async () => {
  expect(await one({ step: 'W6', hit: 1 })).toEqual({ ...DELIVERED, duplicates: 1, requests: 2 })
})

test('row 12: a worker that dies between W6 and W7 after a failure causes only the retry that was due anyway', async () => {
  expect(await one({ step: 'W6', hit: 1, behaviour: 'failTimes=1' })).toEqual({
    ...DELIVERED,
    duplicates: 0,
    requests: 2,
  })
})

test('row 13: a worker that dies between W7 and W8 after a success causes no duplicate', async () => {
  expect(await one({ step: 'W7', hit: 1 })).toEqual({ ...DELIVERED, duplicates: 0, requests: 1 })
})

test('row 14: a worker that dies between W7 and W8 after a failure causes only the retry that was planned', async () => {
  expect(await one({ step: 'W7', hit: 1, behaviour: 'failTimes=1' })).toEqual({
    ...DELIVERED,
    duplicates: 0,
    requests: 2,
  })
})

// The webhook was disabled by a second step after W7: a worker that died in between left it enabled.
test('row 14: a worker that dies between W7 and W8 after a 410 leaves the webhook disabled', async () => {
  const eventName = 'crash-gone'
  await rig.webhooks(eventName, { behaviour: 'status=410' })
  const victim = await rig.start('worker', { FAILPOINTS: 'W7=kill@1' })
  await rig.client.trigger(eventName)
  expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' })
  const [webhook] = await rig.postgres.sql(
    'select status, disabled_reason from webhooks where event_name = $1',
    [eventName],
  )
  expect(webhook).toEqual({ status: 'disabled', disabled_reason: 'gone' })
  // Redis still has its URL, and is not believed: the version that it holds is not Postgres's any more.
  await rig.client.trigger(eventName)
  const survivor = await rig.start('worker')
  await rig.settle()
  expect(await rig.verdict(eventName)).toEqual({
    accepted: 1,
    delivered: 0,
    dead: 1,
    lost: 0,
    late: 0,
    duplicates: 0,
    requests: 1,
    violations: [],
  })
  expect((await survivor.stop()).code).toBe(0)
})

test('a worker that dies right after W8 (the queue knows) causes no duplicate', async () => {
  expect(await one({ step: 'W8', hit: 1 })).toEqual({ ...DELIVERED, duplicates: 0, requests: 1 })
})
