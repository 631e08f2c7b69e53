// Row 25 of the crash table (docs/guarantees.md): the platform ends a scheduled drain, at any point. What it held is
// free again within the lock time, and other runs deliver it. More points, and 10,000 jobs: long/drain.faults.ts.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { crashDrainIn, drainUntilDelivered, locksEnd } from './drain-runs.ts'
import { print } from './print.ts'
import { startRig, type Rig } from './rig.ts'

let rig: Rig

beforeAll(async () => {
  rig = await startRig()
  await Promise.all([rig.start('api'), rig.start('sweep')])
})

afterAll(async () => {
  await rig.stop()
})

const DELIVERED = { accepted: 1, delivered: 1, dead: 0, lost: 0, late: 0, violations: [] }

test.each([
  ['W5', 1],
  ['W7', 0],
] as const)(
  'row 25: a drain that is ended after %s causes %i duplicates',
  async (step, duplicates) => {
    expect(await crashDrainIn(rig, step)).toEqual({
      ...DELIVERED,
      duplicates,
      requests: 1 + duplicates,
    })
  },
)

test('row 25: a drain of 1,000 jobs that is ended after 2 s leaves nothing locked, and nothing is lost', async () => {
  const eventName = 'drain-cut'
  await rig.webhooks(eventName, { count: 50, behaviour: 'delayMs=300' })
  for (let n = 0; n < 20; n += 1) await rig.client.trigger(eventName)
  const cut = await rig.startDrain({ DRAIN_BUDGET_MS: '2000', DRAIN_TOLD_MS: '600000' })
  expect(await cut.exited).toEqual({ code: null, signal: 'SIGKILL' })
  await locksEnd(rig)
  await drainUntilDelivered(rig, eventName, 1_000)
  const verdict = await rig.verdict(eventName)
  print('row 25, 1,000 jobs', verdict)
  expect(verdict).toMatchObject({ ...DELIVERED, accepted: 1_000, delivered: 1_000 })
  // What was on the wire when it was ended: at most as many as it sends at once.
  expect(verdict.duplicates).toBeLessThanOrEqual(100)
})
