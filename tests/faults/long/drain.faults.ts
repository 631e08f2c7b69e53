// Row 25 and F16: a scheduled drain that is ended in a step; and one of 10,000 jobs with a budget of 15 s: once it ends by
// itself in time, once the platform ends it.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { crashDrainIn, drainUntilDelivered, locksEnd } from '../drain-runs.ts'
import { print } from '../print.ts'
import { PREFIX, startRig, type Rig } from '../rig.ts'

const JOBS = 10_000
const BUDGET_MS = 15_000

let rig: Rig

beforeAll(async () => {
  rig = await startRig()
  await Promise.all([rig.start('api'), rig.start('sweep')])
})

afterAll(async () => {
  await rig.stop()
})

test.each([
  ['W1', 0],
  ['W2', 0],
  ['W3', 0],
  ['W4', 0],
  ['W6', 1],
  ['W8', 0],
] as const)(
  'row 25: a drain that is ended after %s causes %i duplicates',
  async (step, duplicates) => {
    expect(await crashDrainIn(rig, step)).toEqual({
      ...{ accepted: 1, delivered: 1, dead: 0, lost: 0, late: 0, violations: [] },
      duplicates,
      requests: 1 + duplicates,
    })
  },
)

/** Receivers that take 300 ms: 100 at once are 333 a second, so the budget does not suffice. */
const accept = async (eventName: string) => {
  await rig.webhooks(eventName, { count: 100, behaviour: 'delayMs=300' })
  for (let n = 0; n < JOBS / 100; n += 1) await rig.client.trigger(eventName)
}

const WELL = { accepted: JOBS, delivered: JOBS, dead: 0, lost: 0, late: 0, violations: [] }

const LONG = { timeout: 400_000 }

test(
  'F16: a drain with too little time for 10,000 jobs ends in time, and holds nothing when it has',
  LONG,
  async () => {
    await accept('F16-in-time')
    const summary = await rig.drainOnce({
      DRAIN_TOLD_MS: String(BUDGET_MS),
      BROKER_LOG_LEVEL: 'error',
    })
    print('F16, in time', summary ?? 'died')
    expect(summary?.end).toBe('time')
    expect(summary?.durationMs).toBeLessThan(BUDGET_MS)
    expect(await rig.redis.admin.llen(`{${PREFIX}}:deliveries:active`)).toBe(0)
    expect(await locksEnd(rig)).toBe(0)
    await drainUntilDelivered(rig, 'F16-in-time', JOBS)
    expect(await rig.verdict('F16-in-time')).toEqual({ ...WELL, duplicates: 0, requests: JOBS })
  },
)

test(
  'F16: a drain that is killed at its budget leaves nothing locked longer than the lock time, and loses nothing',
  LONG,
  async () => {
    await accept('F16-killed')
    const cut = await rig.startDrain({
      DRAIN_BUDGET_MS: String(BUDGET_MS),
      DRAIN_TOLD_MS: '600000',
      BROKER_LOG_LEVEL: 'error',
    })
    expect(await cut.exited).toEqual({ code: null, signal: 'SIGKILL' })
    const locked = await locksEnd(rig)
    expect(locked).toBeGreaterThan(0)
    await drainUntilDelivered(rig, 'F16-killed', JOBS)
    const verdict = await rig.verdict('F16-killed')
    print('F16, killed', { locked, ...verdict })
    expect(verdict).toMatchObject(WELL)
    expect(verdict.duplicates).toBeLessThanOrEqual(100)
  },
)
