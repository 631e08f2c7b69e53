// Invariant I7: after faults of every kind that breaks connections or makes work pile up, API, sweep and workers hold no
// more memory, connections and files than before. The processes live through all of it.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { print } from '../print.ts'
import { startRig, type Rig } from '../rig.ts'
import { FAULTS } from '../soak-faults.ts'
import { held, openStage, resourcesComeBack, type Stage } from '../soak-stage.ts'

const ONCE = [
  'kill -9 Redis, empty restart',
  'Redis swallowed for 5 s',
  'kill -9 Postgres, restart',
  'Postgres swallowed for 3 s',
  'freeze Postgres 5 s',
  'kill -9 the receiver',
  'one webhook hangs for 5 s',
]
// One connection that is forgotten at each would be seen.
const TWENTY_TIMES = [
  'every connection to Redis reset',
  'every connection to Postgres reset',
  'one webhook refuses for a moment',
]
const BETWEEN_MS = 250

let rig: Rig
let stage: Stage

beforeAll(async () => {
  rig = await startRig()
  stage = await openStage(rig, 'resources')
})

afterAll(async () => {
  await rig.stop()
  await stage.close()
})

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('I7: what API, sweep and workers hold after all kinds of faults at load is what they held before', async () => {
  const load = (forMs: number) =>
    rig.client.load({ eventName: 'resources', perSecond: 50, forMs, patienceMs: 60_000 })
  await load(5_000)
  await rig.settle()
  const before = held(stage)
  const faults = { over: false }
  const loaded = (async () => {
    while (!faults.over) await load(1_000)
  })()
  for (const name of ONCE) await FAULTS[name]?.(stage)
  for (let n = 0; n < 20; n += 1) {
    for (const name of TWENTY_TIMES) {
      await FAULTS[name]?.(stage)
      await pass(BETWEEN_MS)
    }
  }
  faults.over = true
  await loaded
  await rig.settle()
  const verdict = await rig.verdict('resources')
  const after = await resourcesComeBack(stage, before)
  print('I7', { before, after, verdict })
  expect(verdict).toMatchObject({ lost: 0, late: 0, violations: [] })
})
