// How long it takes after Redis was emptied until every open delivery is in the queue again (invariant I6). FAULTS_OPEN
// names the sizes, by default 1000,10000; docs/guarantees.md quotes what this prints.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitUntil } from '../../support/wait.ts'
import { print } from '../print.ts'
import { startRig, type Rig } from '../rig.ts'

const SIZES = (process.env['FAULTS_OPEN'] ?? '1000,10000').split(',').map(Number)
const PER_TRIGGER = 50
// 2,000 a second, and what one sweep needs to start and to look around.
const allowedMs = (open: number) => open / 2 + 5_000

let rig: Rig

beforeAll(async () => {
  rig = await startRig()
  await rig.start('api', { BROKER_LOG_LEVEL: 'error', BROKER_SWEEP_GRACE_MS: '30000' })
  await rig.webhooks('recovery', { count: PER_TRIGGER })
})

afterAll(async () => {
  await rig.stop()
})

test.each(SIZES)('%i open deliveries are in the queue again within the bound', async (open) => {
  const { redis, postgres, client } = rig
  const waiting = () => redis.admin.llen(`{${rig.env['BROKER_KEY_PREFIX'] ?? ''}}:deliveries:wait`)
  await postgres.sql('truncate messages, deliveries, attempts')
  await redis.admin.flushall()
  await rig.sweepOnce()
  for (let n = 0; n < open / PER_TRIGGER; n += 20) {
    const burst = Math.min(20, open / PER_TRIGGER - n)
    await Promise.all(Array.from({ length: burst }, () => client.trigger('recovery')))
  }
  // Not each of them was enqueued on a busy machine; each is open.
  const [row] = await postgres.sql<{ open: number }>(
    'select count(*)::int as open from deliveries where finished_at is null',
  )
  expect(row?.open).toBe(open)

  await redis.admin.flushall()
  // As in production: the queue had 30 s before the sweep would have asked by itself.
  const sweep = await rig.start('sweep', { BROKER_SWEEP_GRACE_MS: '30000' })
  const startedMs = performance.now()
  await waitUntil(async () => (await waiting()) === open, {
    timeoutMs: allowedMs(open) + 60_000,
    message: `${open} jobs`,
  })
  const tookMs = performance.now() - startedMs
  const line = await sweep.waitForLine(/"redisLost":true.*sweep\.finished/, allowedMs(open))
  await sweep.waitForLine(/"redisLost":false.*sweep\.finished/, allowedMs(open))
  print(`recovery: ${open} open deliveries in ${(tookMs / 1000).toFixed(1)} s; ${line}`)
  expect(tookMs).toBeLessThan(allowedMs(open))
  await sweep.stop()
})
