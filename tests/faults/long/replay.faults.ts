// Row 31 of the crash table at its full size: 50,000 deliveries, ten kills at random points, ten in a step.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { print } from '../print.ts'
import { eachOnce, PATIENT, replayUnderKills, seedOf } from '../replay-kills.ts'
import { startRig, type Rig } from '../rig.ts'

const DELIVERIES = Number(process.env['FAULTS_REPLAYED'] ?? 50_000)

let rig: Rig

beforeAll(async () => {
  rig = await startRig({ env: PATIENT })
})
afterAll(async () => {
  await rig.stop()
})

test(`row 31: a replay of ${DELIVERIES} that is killed twenty times sends each delivery once more`, async () => {
  const startedMs = performance.now()
  const outcome = await replayUnderKills(rig, {
    deliveries: DELIVERIES,
    kills: 10,
    seed: seedOf(),
    timeoutMs: 600_000,
  })
  print(`replay: all delivered after ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`)
  expect(outcome).toEqual(eachOnce(DELIVERIES))
}, 900_000)
