// The worker rows of the crash table with fifty deliveries in flight at once, and the delivery that kills every worker.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { crashWorkerIn, type CrashPoint } from '../crash-points.ts'
import { startRig, type Rig } from '../rig.ts'

let rig: Rig

beforeAll(async () => {
  rig = await startRig()
  await Promise.all([rig.start('api'), rig.start('sweep')])
})

afterAll(async () => {
  await rig.stop()
})

// The answers take 400 ms, so that all fifty requests are on the wire before the first one is answered.
const fifty = (point: Omit<CrashPoint, 'deliveries' | 'behaviour'>) =>
  crashWorkerIn(rig, { ...point, deliveries: 50, behaviour: 'delayMs=400' })

const DELIVERED = { accepted: 50, delivered: 50, dead: 0, lost: 0, late: 0, violations: [] }

test.each(['W1', 'W2', 'W3', 'W4'] as const)(
  'rows 7 to 9: fifty deliveries, the worker dies at the first %s: no duplicate',
  async (step) => {
    expect(await fifty({ step, hit: 1 })).toEqual({ ...DELIVERED, duplicates: 0, requests: 50 })
  },
)

test('row 10: fifty requests sent, the worker dies at the last W5: fifty duplicates', async () => {
  expect(await fifty({ step: 'W5', hit: 50 })).toEqual({
    ...DELIVERED,
    duplicates: 50,
    requests: 100,
  })
})

test('row 11: fifty requests received, the worker dies at the first W6: fifty duplicates', async () => {
  expect(await fifty({ step: 'W6', hit: 1 })).toEqual({
    ...DELIVERED,
    duplicates: 50,
    requests: 100,
  })
})

test.each(['W7', 'W8'] as const)(
  'row 13: fifty results recorded, the worker dies at the last %s: no duplicate',
  async (step) => {
    expect(await fifty({ step, hit: 50 })).toEqual({ ...DELIVERED, duplicates: 0, requests: 50 })
  },
)

test('row 30: a delivery that kills each worker that sends it is dead after six, and the seventh lives', async () => {
  await rig.webhooks('row-30')
  await rig.client.trigger('row-30')
  for (let n = 0; n < 6; n += 1) {
    const victim = await rig.start('worker', { FAILPOINTS: 'W5=kill@1' })
    expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' })
  }
  await rig.start('worker')
  await rig.settle()
  expect(await rig.verdict('row-30')).toEqual({
    accepted: 1,
    delivered: 0,
    dead: 1,
    lost: 0,
    duplicates: 5,
    late: 0,
    requests: 6,
    violations: [],
  })
})
