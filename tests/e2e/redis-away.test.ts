// Redis stops, freezes, is full or is killed, and comes back: a trigger is answered and delivered all the same.
// O-QUEUE-5: commands waited in the offline queue for ever, so that requests hung; an error event without a listener
// killed the process; a part of a fan-out was missing, and the error was swallowed.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../local/services/process.ts'
import { startRedis, type RedisServer } from '../../local/services/redis.ts'
import { startProcess } from '../support/process.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'
import { makeClient } from './client.ts'
import { startRedisGate } from './redis-gate.ts'
import { logged, startBroker, urlOf, type Broker } from './support.ts'

let folder: string
let redis: RedisServer
let broker: Broker
let receiver: Receiver
let startRedisAgain: () => Promise<void>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'webhook-broker-redis-away-'))
  const port = await freePort()
  startRedisAgain = async () => {
    redis = await startRedis({ dataDir: folder, persistence: 'none', port })
  }
  await startRedisAgain()
  ;[broker, receiver] = await Promise.all([startBroker({ redisUrl: redis.url }), startReceiver()])
})
beforeEach(() => {
  receiver.received.length = 0
})
afterAll(async () => {
  await Promise.all([broker.stop(), receiver.close(), redis.kill()])
  rmSync(folder, { recursive: true, force: true })
})

const HOOKS = ['/1', '/2', '/3', '/4', '/5']

const registerFive = async (eventName: string) => {
  for (const path of HOOKS) await broker.register(eventName, receiver.url + path)
}
const paths = () => receiver.received.map(({ url }) => url).sort()

/** Lines of one kind that a process has logged so far. */
const count = (role: 'api' | 'worker', event: string) => logged(broker[role], event).length

/** Runs something and waits until the worker has logged one more line of this kind. */
const until = async (event: string, run: () => unknown, timeoutMs = 15_000) => {
  const before = count('worker', event)
  await run()
  await waitUntil(() => count('worker', event) > before, { timeoutMs, message: event })
}

/** Asks the system, not the handle. */
const isAlive = (pid: number): boolean => process.kill(pid, 0)

/** A new event that goes through the queue to the end: the accepted line says that Redis took its jobs. */
const expectQueueToDeliver = async (eventName: string) => {
  await waitUntil(
    async () => {
      const { messageId } = await broker.trigger(eventName)
      await broker.untilAll(messageId, 'delivered')
      return logged(broker.api, 'message.accepted').at(-1)?.['enqueued'] === true
    },
    { message: 'an event that the queue took' },
  )
}

test('with Redis stopped, an event with five webhooks is accepted within a second and delivered', async () => {
  await registerFive('stopped')
  await until('dispatcher.direct', () => redis.stop())

  const key = { idempotencyKey: 'stopped-1' }
  const { messageId, deliveries, tookMs } = await broker.trigger('stopped', key)
  expect(deliveries).toBe(5)
  expect(tookMs).toBeLessThan(1_000)
  // A client that is not sure whether it was accepted asks again.
  expect((await broker.trigger('stopped', key)).messageId).toBe(messageId)
  await broker.untilAll(messageId, 'delivered')

  const webhook = await broker.register('registered.meanwhile', `${receiver.url}/new`)
  const second = await broker.trigger('registered.meanwhile')
  expect(second.deliveries).toBe(1)
  const [delivery] = await broker.untilAll(second.messageId, 'delivered')
  expect(delivery?.webhookId).toBe(webhook.id)
  expect(paths()).toEqual([...HOOKS, '/new'])

  await until('dispatcher.queue', startRedisAgain)
  await expectQueueToDeliver('registered.meanwhile')
  // Whoever was delivered from Postgres is not delivered again from the queue.
  expect(paths().filter((path) => path !== '/new')).toEqual(HOOKS)
})

test('with Redis frozen, a trigger is answered within a second and delivered before Redis thaws', async () => {
  await registerFive('frozen')
  process.kill(redis.pid, 'SIGSTOP')

  const { messageId, deliveries, tookMs } = await broker.trigger('frozen')

  expect(deliveries).toBe(5)
  expect(tookMs).toBeLessThan(1_000)
  await broker.untilAll(messageId, 'delivered', 15_000)
  const registered = await broker.request('POST', '/api/v0/webhooks', {
    body: JSON.stringify({ eventName: 'frozen', webhookUrl: `${receiver.url}/6` }),
  })
  expect(registered.status).toBe(201)
  expect(registered.tookMs).toBeLessThan(1_000)

  await until('dispatcher.queue', () => process.kill(redis.pid, 'SIGCONT'))
  await expectQueueToDeliver('frozen')
  expect(paths().filter((path) => path === '/1').length).toBeGreaterThanOrEqual(2)
  const ids = receiver.received.map(({ headers }) => headers['webhook-delivery-id'])
  expect(new Set(ids).size).toBe(ids.length)
})

// The jobs of a trigger are added by scripts of 250, each of them as a whole or not at all.
test('with Redis full in the middle of a fan-out, all are accepted, and delivered once', async () => {
  const wide = Array.from({ length: 260 }, (_, n) => `/wide/${n}`)
  for (let at = 0; at < wide.length; at += 20) {
    const some = wide.slice(at, at + 20)
    await Promise.all(some.map((path) => broker.register('full', receiver.url + path)))
  }
  const admin = new Redis(redis.url)
  const gate = await startRedisGate(redis.port)
  const api = await broker.start('api', { REDIS_URL: `redis://127.0.0.1:${gate.port}` })
  gate.interruptAfter(1, async () => {
    await receiver.waitFor(250)
    await admin.config('RESETSTAT')
    await admin.config('SET', 'maxmemory', '1')
  })

  // On a busy machine it brought the last ten before Redis was full, and nothing was left for this test to see.
  broker.sweep.pause()
  onTestFinished(() => broker.sweep.resume())

  const accepted = await makeClient(() => urlOf(api)).trigger('full')

  expect(accepted.deliveries).toBe(260)
  expect(accepted.tookMs).toBeLessThan(1_000)
  // The last ten were asked for, and Redis refused them.
  await waitUntil(() => gate.scripts === 2, { message: 'the other jobs' })
  await waitUntil(async () => /errorstat_OOM:count=[1-9]/.test(await admin.info('errorstats')), {
    message: 'a refusal',
  })
  // From Postgres: nobody has to make room first.
  const delivered = await broker.untilAll(accepted.messageId, 'delivered')
  expect(delivered).toHaveLength(260)
  broker.sweep.resume()
  await until('dispatcher.queue', () => admin.config('SET', 'maxmemory', '0'))
  await expectQueueToDeliver('full')
  expect(paths().filter((path) => path === '/wide/1').length).toBeGreaterThanOrEqual(2)
  const ids = receiver.received.map(({ headers }) => headers['webhook-delivery-id'])
  expect(new Set(ids).size).toBe(ids.length)
  await api.stop()
  gate.close()
  admin.disconnect()
})

test('an API and a worker that idle when Redis is killed live on, and go on when it is back', async () => {
  await broker.register('idle', `${receiver.url}/idle`)
  const lost = count('api', 'redis.connection_lost')
  await until('redis.connection_lost', () => redis.kill())
  await waitUntil(() => count('api', 'redis.connection_lost') > lost, { message: 'the API' })

  await until('redis.connection_back', startRedisAgain)

  await expectQueueToDeliver('idle')
  // Nobody has started any of them anew.
  expect([broker.api, broker.worker, broker.sweep].map(({ pid }) => isAlive(pid))).toEqual([
    true,
    true,
    true,
  ])
})

// O-QUEUE-3 (b): with another policy than noeviction queues lost jobs when Redis was full.
test.each(['api', 'worker', 'sweep'] as const)(
  'with a Redis that evicts, the %s refuses to start and says why',
  async (role) => {
    const evicting = new Redis(redis.url)
    await evicting.config('SET', 'maxmemory-policy', 'allkeys-lru')
    const process = await startProcess({ script: `local/${role}.ts`, env: broker.env })
    expect(await process.exited).toEqual({ code: 1, signal: null })
    expect(process.lines).toEqual([
      'invalid_request: Redis has maxmemory-policy allkeys-lru, with which it drops jobs when it is full; set it to noeviction',
    ])
    await evicting.config('SET', 'maxmemory-policy', 'noeviction')
    evicting.disconnect()
  },
)
