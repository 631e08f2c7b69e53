// F5, F9 and F13: Postgres is killed, frozen or late under load. No 202 without a row, 503 meanwhile, and at most the
// requests in flight are sent twice.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitUntil } from '../../support/wait.ts'
import { print } from '../print.ts'
import { startRig, type Rig } from '../rig.ts'
import { useWorkers } from '../workers.ts'

let rig: Rig
const workers = useWorkers()

const CONCURRENCY = 20
const BUSY = { BROKER_LOG_LEVEL: 'warn', BROKER_WORKER_CONCURRENCY: String(CONCURRENCY) }

beforeAll(async () => {
  rig = await startRig()
  await Promise.all([rig.start('api', BUSY), rig.start('sweep', BUSY)])
})

afterAll(async () => {
  await rig.stop()
})

const startWorkers = async (count: number, env = {}) => {
  const started = Array.from({ length: count }, () => rig.start('worker', { ...BUSY, ...env }))
  workers.push(...(await Promise.all(started)))
}

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const statusesSince = (atMs: number) =>
  [...new Set(rig.client.answers.filter((a) => a.atMs >= atMs).map(({ status }) => status))].sort()

const WELL = { dead: 0, lost: 0, late: 0, violations: [] }

test('F5: Postgres killed with -9 three times at 200 triggers a second: no 202 without a row, 503 meanwhile', async () => {
  await rig.webhooks('F5', { behaviour: 'delayMs=50' })
  await startWorkers(2)
  const startedMs = Date.now()
  const load = rig.client.load({ eventName: 'F5', perSecond: 200, forMs: 15_000 })
  for (let kill = 0; kill < 3; kill += 1) {
    await pass(3_000)
    await rig.postgres.kill()
    await rig.client.triggerOnce('F5')
    await rig.postgres.startAgain()
  }
  const acknowledged = await load
  await rig.settle()
  const verdict = await rig.verdict('F5')
  expect(statusesSince(startedMs)).toEqual([202, 503])
  expect(verdict).toMatchObject(WELL)
  expect(verdict.delivered).toBe(acknowledged.length)
  // Nothing that is not in flight at a kill can be sent twice.
  expect(verdict.duplicates).toBeLessThanOrEqual(3 * 2 * CONCURRENCY)
  print('F5', verdict)
})

test('F9: Postgres frozen for 12 s: every trigger is answered within 13 s, and what was 202 is delivered', async () => {
  await rig.webhooks('F9-postgres')
  await startWorkers(1)
  await rig.client.trigger('F9-postgres')
  const startedMs = Date.now()
  rig.postgres.freeze()
  const answers = Array.from({ length: 20 }, () => rig.client.triggerOnce('F9-postgres'))
  await pass(12_000)
  rig.postgres.thaw()
  for (const { tookMs } of await Promise.all(answers)) expect(tookMs).toBeLessThan(13_500)
  expect(statusesSince(startedMs)).not.toContain('none')
  await rig.settle()
  const verdict = await rig.verdict('F9-postgres')
  expect(verdict).toMatchObject({ ...WELL, duplicates: 0 })
  expect(verdict.accepted).toBe(verdict.delivered)
})

test('row 24: Postgres and Redis both killed at load, both come back, Redis empty: nothing is lost', async () => {
  await rig.webhooks('row-24', { behaviour: 'delayMs=50' })
  await startWorkers(2)
  const load = rig.client.load({ eventName: 'row-24', perSecond: 100, forMs: 6_000 })
  await pass(2_000)
  await Promise.all([rig.postgres.kill(), rig.redis.kill()])
  await pass(1_000)
  await Promise.all([rig.postgres.startAgain(), rig.redis.startAgain()])
  const acknowledged = await load
  await rig.settle()
  const verdict = await rig.verdict('row-24')
  expect(verdict).toMatchObject(WELL)
  expect(verdict.delivered).toBe(acknowledged.length)
  expect(verdict.duplicates).toBeLessThanOrEqual(2 * CONCURRENCY)
})

test('F13: a row that commits 5 s late, while 500 others go through and the sweep runs, is delivered', async () => {
  await rig.webhooks('F13')
  await startWorkers(1)
  await rig.client.trigger('F13')
  await rig.receiver.waitFor('/F13', 1)
  const late = { message: `msg_0${'1'.repeat(25)}`, delivery: `dlv_0${'1'.repeat(25)}` }
  const held = await rig.postgres.hold(
    `with m as (
       insert into messages (id, tenant, event_name, content_type, payload, matched)
       select '${late.message}', tenant, event_name, content_type, payload, 1 from messages where event_name = 'F13' limit 1
     )
     insert into deliveries (id, tenant, message_id, webhook_id, event_name, next_attempt_at, due_at, created_at)
     select '${late.delivery}', tenant, '${late.message}', webhook_id, event_name, now(), now(), now()
     from deliveries where event_name = 'F13' limit 1`,
  )
  await rig.client.load({ eventName: 'F13', perSecond: 100, forMs: 5_000 })
  await rig.receiver.waitFor('/F13', 501)
  await held.commit()
  await waitUntil(() => rig.receiver.lines().some((line) => line.deliveryId === late.delivery))
  await rig.settle()
  expect(await rig.verdict('F13')).toMatchObject({ ...WELL, accepted: 501, duplicates: 0 })
})
