// F2, F3, F7, F9 and F15: Redis is killed, emptied, cut off, frozen or full under load. Every trigger is accepted all the
// same, everything is delivered, and nothing twice.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../../local/services/process.ts'
import type { BrokerProcess } from '../../support/process.ts'
import { startProxy } from '../../support/tcp-proxy.ts'
import { print } from '../print.ts'
import { startRig, type Rig } from '../rig.ts'

let rig: Rig
let started: BrokerProcess[] = []

// A timeout that a busy machine does not reach: a late answer makes a copy (row 21), which is not meant here.
const QUIET = { BROKER_LOG_LEVEL: 'warn', BROKER_DELIVERY_TIMEOUT_MS: '5000' }

beforeAll(async () => {
  rig = await startRig()
  await Promise.all([rig.start('api', QUIET), rig.start('sweep', QUIET)])
})

afterEach(async () => {
  await Promise.all(started.map((process) => process.stop()))
  started = []
})

afterAll(async () => {
  await rig.stop()
})

const startWorkers = async (count: number) => {
  started = await Promise.all(Array.from({ length: count }, () => rig.start('worker', QUIET)))
}

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const answersSince = (atMs: number) => rig.client.answers.filter((answer) => answer.atMs >= atMs)

const jobKey = (part: string) => `{${rig.env['BROKER_KEY_PREFIX'] ?? ''}}:deliveries:${part}`

const WELL = { dead: 0, lost: 0, late: 0, duplicates: 0, violations: [] }

test('F2: Redis killed with -9 and restarted empty every 5 s for 30 s at 200 triggers a second', async () => {
  await rig.webhooks('F2', { behaviour: 'delayMs=20' })
  await startWorkers(2)
  const startedMs = Date.now()
  const load = rig.client.load({ eventName: 'F2', perSecond: 200, forMs: 30_000 })
  for (let kill = 0; kill < 6; kill += 1) {
    await pass(4_000)
    await rig.redis.kill()
    await pass(500)
    await rig.redis.startAgain()
  }
  const acknowledged = await load
  const endedMs = Date.now()
  await rig.settle()
  const verdict = await rig.verdict('F2')
  print('F2', verdict, `settled ${Date.now() - endedMs} ms after the load`)
  expect(answersSince(startedMs).filter(({ status }) => status !== 202)).toEqual([])
  expect(verdict).toEqual({
    ...WELL,
    accepted: acknowledged.length,
    delivered: acknowledged.length,
    requests: acknowledged.length,
  })
})

// What F2 once counted on a busy machine: "a trigger without an answer". The API closed connections after 5 s of idleness,
// and a client that was late to notice sent on them.
test('a client that stood still for 6 s gets every answer over the connections that it kept', async () => {
  await rig.webhooks('stood-still')
  await startWorkers(1)
  const fifty = () =>
    Promise.all(Array.from({ length: 50 }, () => rig.client.triggerOnce('stood-still')))
  await fifty()
  const beganMs = performance.now()
  while (performance.now() - beganMs < 6_500);
  expect((await fifty()).filter(({ status }) => status !== 202)).toEqual([])
  await rig.settle()
  expect(await rig.verdict('stood-still')).toMatchObject({ ...WELL, accepted: 100, delivered: 100 })
})

test('F3: FLUSHALL in the middle of a burst of 5,000, then a job, a list, a set and the URLs deleted', async () => {
  await rig.webhooks('F3', { count: 50, behaviour: 'delayMs=20' })
  await startWorkers(2)
  const burst = Promise.all(Array.from({ length: 100 }, () => rig.client.trigger('F3')))
  await rig.receiver.waitFor('/F3', 500)
  await rig.redis.admin.flushall()
  await rig.receiver.waitFor('/F3', 1_500, 60_000)
  const [job] = await rig.redis.admin.lrange(jobKey('wait'), 0, 0)
  if (job !== undefined) await rig.redis.admin.del(jobKey(job))
  await rig.receiver.waitFor('/F3', 2_000, 60_000)
  await rig.redis.admin.del(jobKey('wait'))
  await rig.receiver.waitFor('/F3', 2_500, 60_000)
  await rig.redis.admin.del(jobKey('delayed'), jobKey('active'))
  await rig.redis.admin.del(`${rig.env['BROKER_KEY_PREFIX'] ?? ''}:{default}:event:F3`)
  await burst
  await rig.settle()
  expect(await rig.verdict('F3')).toEqual({
    ...WELL,
    accepted: 5_000,
    delivered: 5_000,
    requests: 5_000,
  })
})

test.each(['blackhole', 'halfOpen', 'reset'] as const)(
  'F7: the API cut off from Redis (%s) answers 202 within its budget; the sweep does the rest',
  async (fault) => {
    const proxy = await startProxy({ port: rig.redis.port })
    const port = String(await freePort())
    const api = await rig.start('api', {
      ...QUIET,
      PORT: port,
      REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
    })
    const eventName = `F7-${fault}`
    await rig.webhooks(eventName)
    await startWorkers(1)
    started.push(api)
    const cutOff = rig.clientOf(Number(port))
    await cutOff.trigger(eventName)
    proxy[fault]()
    for (let n = 0; n < 5; n += 1) await cutOff.trigger(eventName)
    const slowest = Math.max(...cutOff.answers.map(({ tookMs }) => tookMs))
    print(eventName, `slowest answer ${Math.round(slowest)} ms`)
    expect(cutOff.answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202, 202])
    // 300 ms for Redis, the rest for SQL on a busy machine.
    expect(slowest).toBeLessThan(600)
    proxy.heal()
    await rig.settle()
    const delivered = rig.receiver.lines().filter(({ path }) => path === `/${eventName}`)
    expect(delivered.length).toBe(6)
    await proxy.close()
  },
)

test('F9: Redis frozen for 10 s: every trigger is answered 202 within its budget, and all is delivered once', async () => {
  await rig.webhooks('F9-redis')
  await startWorkers(2)
  await rig.client.trigger('F9-redis')
  const startedMs = Date.now()
  rig.redis.freeze()
  await rig.client.load({ eventName: 'F9-redis', perSecond: 20, forMs: 10_000 })
  rig.redis.thaw()
  const answers = answersSince(startedMs)
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
  expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(1_000)
  await rig.settle()
  expect(await rig.verdict('F9-redis')).toMatchObject({ ...WELL, accepted: 201, delivered: 201 })
})

test('F15: Redis full (noeviction) for 5 s: every trigger is answered 202, and all recovers alone', async () => {
  await rig.webhooks('F15')
  await startWorkers(1)
  await rig.client.trigger('F15')
  await rig.redis.admin.config('SET', 'maxmemory', '1')
  const startedMs = Date.now()
  await rig.client.load({ eventName: 'F15', perSecond: 50, forMs: 5_000 })
  await rig.redis.admin.config('SET', 'maxmemory', '0')
  expect(new Set(answersSince(startedMs).map(({ status }) => status))).toEqual(new Set([202]))
  await rig.settle()
  expect(await rig.verdict('F15')).toMatchObject({ ...WELL, accepted: 251, delivered: 251 })
})
