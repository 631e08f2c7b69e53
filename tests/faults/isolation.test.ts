// The promises of docs/isolation.md on real processes, short: the margins are wide, because a test machine is busy. At full
// length: `npm run bench:isolation` and tests/faults/long/isolation.faults.ts.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { startIsolationRig, type IsolationRig } from './isolation-rig.ts'
import { hanging, rate, recovery, spread } from './isolation-scenarios.ts'
import { print } from './print.ts'

let rig: IsolationRig

beforeAll(async () => {
  rig = await startIsolationRig({
    BROKER_WORKER_CONCURRENCY: '20',
    BROKER_BREAKER_OPEN_MS: '500',
    BROKER_RETRY_SCHEDULE: '1s,1s,1s,1s,1s,1s',
    BROKER_RETRY_JITTER: '1',
  })
  await Promise.all([rig.start('api'), rig.start('worker'), rig.start('worker')])
})
afterAll(() => rig.stop())

test('200 deliveries that failed together are not retried together', async () => {
  const result = await spread(rig, 200)
  print(`isolation, spread: ${JSON.stringify(result)}`)
  expect(result.retries).toBe(200)
  expect(result.mostIn5Percent).toBeLessThanOrEqual(0.25)
})

test('a receiver that was dead is left alone, and gets everything when it returns', async () => {
  const result = await recovery(rig, {
    perSecond: 50,
    deadForMs: 3_000,
    patienceMs: 20_000,
    loadAfterMs: 1_000,
  })
  print(`isolation, recovery: ${JSON.stringify(result)}`)
  expect(result).toMatchObject({ lost: 0, copies: 0, backlog: 150 })
  // Ten failures at each of two workers open the breaker; then one probe every half a second, and what was under way.
  expect(result.reachedWhileDead).toBeLessThan(60)
  expect(result.reachedWhileDead).toBeGreaterThanOrEqual(10)
})

test('the workers keep the limit of a webhook together', async () => {
  const result = await rate(rig, { limit: 50, events: 250, forMs: 2_000 })
  print(`isolation, rate: ${JSON.stringify(result)}`)
  // 53 and 47 on a machine that nobody else uses.
  expect(result.most).toBeLessThanOrEqual(60)
  expect(result.perSecond).toBeGreaterThanOrEqual(40)
})

test('a webhook that hangs with a backlog does not hold up the others', async () => {
  const [round] = await hanging(rig, { healthy: 10, backlog: 200, forMs: 2_000, rounds: 1 })
  print(`isolation, hanging: ${JSON.stringify(round)}`)
  expect(round?.openBad).toBe(200)
  expect(round?.withBad.lost).toBe(0)
  // Forty slots that all hang for 15 s would make it 15 s.
  expect(round?.withBad.p99Ms).toBeLessThan(3_000)
})

test('nor does it while Redis is away and workers deliver straight from Postgres', async () => {
  await rig.redis.kill()
  const [round] = await hanging(rig, { healthy: 10, backlog: 100, forMs: 2_000, rounds: 1 })
  print(`isolation, hanging without Redis: ${JSON.stringify(round)}`)
  expect(round?.openBad).toBe(100)
  expect(round?.withBad.lost).toBe(0)
  expect(round?.withBad.p99Ms).toBeLessThan(5_000)
})
