// F10 through the whole broker, short: the margins are wide, because a test machine is busy. At full length, with the
// latency of the others and the memory of the worker: tests/faults/long/hostile.faults.ts.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitUntil } from '../support/wait.ts'
import { surprises } from './hostile-expected.ts'
import { HOSTILE_KINDS } from './hostile-receiver-process.ts'
import { attemptsOn, startHostile, type Hostile } from './hostile-scenario.ts'
import { startIsolationRig, type IsolationRig } from './isolation-rig.ts'

const TIMEOUT_MS = 3_000
const OF_EACH = 3

let rig: IsolationRig
let hostile: Hostile

beforeAll(async () => {
  rig = await startIsolationRig({
    BROKER_DELIVERY_TIMEOUT_MS: String(TIMEOUT_MS),
    BROKER_RETRY_SCHEDULE: '1h',
  })
  await Promise.all([rig.start('api'), rig.start('worker')])
  hostile = await startHostile(rig)
})

afterAll(async () => {
  await hostile.stop()
  await rig.stop()
})

test('F10: each way to misbehave ends in time with its code, and the next receiver gets its event meanwhile', async () => {
  await rig.register('healthy')
  for (const kind of HOSTILE_KINDS)
    for (let n = 0; n < OF_EACH; n += 1) await rig.trigger(`hostile.${kind}`)
  await waitUntil(async () => (await hostile.seen()).requests['silent'] === OF_EACH)
  await rig.trigger('healthy')
  await waitUntil(async () => (await rig.arrivals('healthy')).length === 1, {
    message: 'the healthy receiver to get its event',
  })
  // Before the first of those that hang had ended.
  expect((await attemptsOn(rig)).filter(({ kind }) => kind === 'silent')).toEqual([])
  const attempts = await waitUntil(
    async () => {
      const ended = await attemptsOn(rig)
      return ended.length >= OF_EACH * HOSTILE_KINDS.length && ended
    },
    { timeoutMs: 20_000, message: 'every attempt to end' },
  )
  for (const kind of HOSTILE_KINDS)
    expect(attempts.filter((attempt) => attempt.kind === kind).length, kind).toBe(OF_EACH)
  expect(surprises(attempts, TIMEOUT_MS)).toEqual([])
})

test('F10: a redirect leads nowhere, a gigabyte is broken off, and no connection stays behind', async () => {
  expect((await hostile.seen()).led).toBe(0)
  // The control message: it is there, and counts.
  await fetch(hostile.target)
  const seen = await waitUntil(async () => {
    const now = await hostile.seen()
    return Object.values(now.open).every((count) => count === 0) && now
  })
  expect(seen.led).toBe(1)
  // What lies in the buffers of two sockets, not what the broker read.
  expect(seen.mostBytes).toBeLessThan(50_000_000)
  expect(seen.requests).toMatchObject({
    'slow-body': OF_EACH,
    gigabyte: OF_EACH,
    redirect: OF_EACH,
  })
})
