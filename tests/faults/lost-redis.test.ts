// The rows of the crash table in which Redis loses something: all of it, one key, or its mind. Receivers are slower than
// the sweep period where a second send would otherwise go unseen.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../local/services/process.ts'
import type { BrokerProcess } from '../support/process.ts'
import { waitUntil } from '../support/wait.ts'
import { makeDeliveryQueue } from '../../lib/queue/delivery-queue.ts'
import { connectQueue } from '../../lib/queue/options.ts'
import { makeMemoryLog } from '../support/redis-kit.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { SECRET } from './receiver-process.ts'
import { startRig, type Env, type Rig, type Role } from './rig.ts'

let rig: Rig
let started: BrokerProcess[] = []

beforeAll(async () => {
  rig = await startRig()
  await rig.start('api')
})

afterEach(async () => {
  await Promise.all(started.map((process) => process.stop()))
  started = []
})

afterAll(async () => {
  await rig.stop()
})

const start = async (role: Role, env: Env = {}) => {
  const process = await rig.start(role, env)
  started.push(process)
  return process
}

const outcome = (deliveries: number) => ({
  accepted: deliveries,
  delivered: deliveries,
  dead: 0,
  lost: 0,
  late: 0,
  duplicates: 0,
  requests: deliveries,
  violations: [],
})

// On a busy machine an answer that takes 800 ms may take more than a second: that is row 21, and not meant here.
const PATIENT = { BROKER_DELIVERY_TIMEOUT_MS: '4000' }

const jobKey = (part: string) => `{${rig.env['BROKER_KEY_PREFIX'] ?? ''}}:deliveries:${part}`

const onlyDelivery = async (eventName: string): Promise<string> => {
  const [row] = await rig.postgres.sql<{ id: string }>(
    'select id from deliveries where event_name = $1',
    [eventName],
  )
  return row?.id ?? ''
}

test('row 6: fifty waiting jobs that vanish with Redis are all added again by the next sweep', async () => {
  await rig.sweepOnce()
  await rig.webhooks('row-6', { count: 50 })
  await rig.client.trigger('row-6')
  expect(await rig.redis.admin.llen(jobKey('wait'))).toBe(50)
  await rig.redis.admin.flushall()
  expect(await rig.sweepOnce()).toMatchObject({ redisLost: true, requeued: 50 })
  await Promise.all([start('worker'), start('sweep')])
  await rig.settle()
  expect(await rig.verdict('row-6')).toEqual(outcome(50))
})

test('row 15: fifty retries that vanish with Redis are made when they were due, and no attempt is lost', async () => {
  await rig.webhooks('row-15', { count: 50, behaviour: 'failTimes=1' })
  await start('worker', { BROKER_RETRY_SCHEDULE: '1500ms,200ms' })
  await rig.client.trigger('row-15')
  await rig.waitForStatus('row-15', 'retrying', 50)
  await rig.redis.admin.flushall()
  expect(await rig.sweepOnce()).toMatchObject({ redisLost: true })
  await start('sweep')
  await rig.settle()
  expect(await rig.verdict('row-15')).toEqual({ ...outcome(50), requests: 100 })
})

test('row 16: Redis emptied while fifty slow requests are on the wire causes no second request', async () => {
  await rig.webhooks('row-16', { count: 50, behaviour: 'delayMs=800' })
  // Two workers: the second would be glad to take what the first is sending.
  const [, , sweep] = await Promise.all([
    start('worker', PATIENT),
    start('worker', PATIENT),
    start('sweep'),
  ])
  await rig.client.trigger('row-16')
  await rig.receiver.waitFor('/row-16', 50)
  await rig.redis.admin.flushall()
  await sweep.waitForLine(/"redisLost":true/)
  await rig.settle()
  expect(await rig.verdict('row-16')).toEqual(outcome(50))
})

test('row 16: jobs added again while their requests are on the wire cause no second request', async () => {
  await rig.webhooks('row-16-again', { count: 50, behaviour: 'delayMs=800' })
  await Promise.all([start('worker', PATIENT), start('worker', PATIENT), start('sweep')])
  await rig.client.trigger('row-16-again')
  await rig.receiver.waitFor('/row-16-again', 50)
  await rig.redis.admin.flushall()
  const ids = await rig.postgres.sql<{ id: string }>(
    `select id from deliveries where event_name = 'row-16-again' and lease_until is not null`,
  )
  expect(ids.length).toBe(50)
  const log = makeMemoryLog()
  const queue = makeDeliveryQueue(
    connectQueue(rig.redis.url, 'commands', log),
    rig.env['BROKER_KEY_PREFIX'] ?? '',
  )
  const add = () => queue.enqueue(ids.map(({ id }) => ({ deliveryId: id, delayMs: 0 })))
  await waitUntil(() =>
    add().then(
      () => true,
      () => false,
    ),
  )
  await rig.settle()
  await queue.close()
  expect(await rig.verdict('row-16-again')).toEqual(outcome(50))
})

// No sweep runs: only the queue can bring it back.
test('a job whose last failure BullMQ has counted is tried again all the same', async () => {
  await rig.webhooks('given-up', { behaviour: 'failTimes=1' })
  await rig.client.trigger('given-up')
  // As if it had failed 999,999 times of the million that it may.
  await rig.redis.admin.hset(jobKey(await onlyDelivery('given-up')), 'atm', '999999')
  await start('worker')
  await rig.waitForStatus('given-up', 'delivered', 1)
  await rig.settle()
  expect(await rig.verdict('given-up')).toEqual({ ...outcome(1), requests: 2 })
})

test('row 18: a job that no list holds is removed and added again after six questions', async () => {
  await rig.webhooks('row-18a')
  await rig.client.trigger('row-18a')
  const id = await onlyDelivery('row-18a')
  expect(await rig.redis.admin.lrem(jobKey('wait'), 0, id)).toBe(1)
  expect(await rig.redis.admin.exists(jobKey(id))).toBe(1)
  const [, sweep] = await Promise.all([
    start('worker'),
    start('sweep', { BROKER_SWEEP_GRACE_MS: '50', BROKER_SWEEP_INTERVAL_MS: '50' }),
  ])
  await sweep.waitForLine(/"replaced":1/, 15_000)
  await rig.settle()
  expect(await rig.verdict('row-18a')).toEqual(outcome(1))
})

test('row 18: a list entry whose job is gone is dropped by the worker and added again by the sweep', async () => {
  await rig.webhooks('row-18b')
  await rig.client.trigger('row-18b')
  expect(await rig.redis.admin.del(jobKey(await onlyDelivery('row-18b')))).toBe(1)
  await Promise.all([start('worker'), start('sweep')])
  await rig.settle()
  expect(await rig.verdict('row-18b')).toEqual(outcome(1))
})

test('row 19: a worker on the queue and one that delivers straight from Postgres share fifty deliveries', async () => {
  await rig.webhooks('row-19', { count: 50, behaviour: 'delayMs=200' })
  const direct = await start('worker', {
    REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
    BROKER_WORKER_CONCURRENCY: '5',
  })
  await direct.waitForLine(/dispatcher\.direct/)
  await Promise.all([start('worker', { BROKER_WORKER_CONCURRENCY: '5' }), start('sweep')])
  await rig.client.trigger('row-19')
  await rig.settle()
  expect(await rig.verdict('row-19')).toEqual(outcome(50))
  const byDirect = direct.lines.filter((line) => line.includes('attempt.finished')).length
  expect(byDirect).toBeGreaterThan(0)
  expect(byDirect).toBeLessThan(51)
})

test('row 29: an event whose URLs vanished from Redis is still delivered to all, and the sweep rebuilds the table', async () => {
  await rig.webhooks('row-29', { count: 3 })
  const prefix = rig.env['BROKER_KEY_PREFIX'] ?? ''
  const keys = { set: `${prefix}:{default}:event:row-29`, version: `${prefix}:{default}:version` }
  await rig.sweepOnce()
  expect(await rig.redis.admin.scard(keys.set)).toBe(3)
  await Promise.all([start('worker')])

  await rig.redis.admin.del(keys.set)
  expect((await rig.client.trigger('row-29')).deliveries).toBe(3)
  await rig.redis.admin.del(keys.version)
  expect((await rig.client.trigger('row-29')).deliveries).toBe(3)
  await rig.sweepOnce()
  expect(await rig.redis.admin.scard(keys.set)).toBe(3)
  expect((await rig.client.trigger('row-29')).deliveries).toBe(3)
  await waitUntil(async () => (await rig.receiver.waitFor('/row-29', 9)).length === 9)
  await start('sweep')
  await rig.settle()
  expect(await rig.verdict('row-29')).toEqual(outcome(9))
})

test('row 29: a webhook registered while Redis was away gets the next event, although the table does not know it', async () => {
  const proxy = await startProxy({ port: rig.redis.port })
  const port = await freePort()
  await start('api', { PORT: String(port), REDIS_URL: `redis://127.0.0.1:${proxy.port}` })
  const other = rig.clientOf(port)
  await rig.webhooks('row-29-stale')
  await rig.sweepOnce()
  proxy.reset()
  await other.register('row-29-stale', `${rig.receiver.url}/row-29-stale?second`, SECRET)
  proxy.heal()
  const prefix = rig.env['BROKER_KEY_PREFIX'] ?? ''
  expect(await rig.redis.admin.scard(`${prefix}:{default}:event:row-29-stale`)).toBe(1)
  expect((await rig.client.trigger('row-29-stale')).deliveries).toBe(2)
  // One without a key is accepted by a statement of its own.
  expect((await rig.client.trigger('row-29-stale', { keyless: true })).deliveries).toBe(2)
  await Promise.all([start('worker'), start('sweep')])
  await rig.settle()
  expect(await rig.verdict('row-29-stale')).toEqual({ ...outcome(4) })
  await proxy.close()
})
