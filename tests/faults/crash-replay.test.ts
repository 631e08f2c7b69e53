// Row 31 of the crash table: whoever runs a replay of many dies, at random points and in both of its steps. The long run
// (tests/faults/long) does the same to 50,000.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { eachOnce, PATIENT, replayUnderKills, seedOf } from './replay-kills.ts'
import { startRig, type Rig } from './rig.ts'

let rig: Rig

beforeAll(async () => {
  rig = await startRig({ env: PATIENT })
})
afterAll(async () => {
  await rig.stop()
})

test('row 31: a replay of 3,000 that is killed in the middle, again and again, sends each delivery once more', async () => {
  const outcome = await replayUnderKills(rig, {
    deliveries: 3_000,
    kills: 3,
    seed: seedOf(),
    timeoutMs: 60_000,
  })
  expect(outcome).toEqual(eachOnce(3_000))
}, 180_000)
