// The rows of the crash table in which the API dies, or loses its database in the middle of a trigger. A client that got
// no 202 repeats with its Idempotency-Key; whatever was committed before is that trigger, not another one.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectQueue } from '../../lib/queue/options.ts'
import { makeDeliveryQueue } from '../../lib/queue/delivery-queue.ts'
import type { BrokerProcess } from '../support/process.ts'
import { makeMemoryLog } from '../support/redis-kit.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { waitUntil } from '../support/wait.ts'
import { startRig, type Env, type Rig } from './rig.ts'

let rig: Rig
let api: BrokerProcess

beforeAll(async () => {
  rig = await startRig()
  api = await rig.start('api')
})

afterAll(async () => {
  await rig.stop()
})

const restartApi = async (env: Env = {}) => {
  await api.stop()
  api = await rig.start('api', env)
}

const DIED = { code: null, signal: 'SIGKILL' }

const rows = (eventName: string) =>
  rig.postgres.sql<{ message_id: string; deliveries: number }>(
    `select m.id as message_id, count(d.id)::int as deliveries
     from messages m left join deliveries d on d.message_id = m.id
     where m.event_name = $1 group by m.id`,
    [eventName],
  )

/** The API dies in a step; what is in the log then; the client repeats with its key until it is answered. */
const crashApiIn = async (step: 'T1' | 'T2' | 'T3', eventName: string) => {
  await rig.webhooks(eventName)
  await restartApi({ FAILPOINTS: `${step}=kill@1` })
  expect((await rig.client.triggerOnce(eventName, `key-${eventName}`)).status).toBe('none')
  expect(await api.exited).toEqual(DIED)
  const afterwards = await rows(eventName)
  await restartApi()
  return afterwards
}

const deliver = async (eventName: string) => {
  const [worker, sweep] = await Promise.all([rig.start('worker'), rig.start('sweep')])
  await rig.settle()
  await Promise.all([worker.stop(), sweep.stop()])
  return rig.verdict(eventName)
}

const DELIVERED = { accepted: 1, delivered: 1, dead: 0, lost: 0, late: 0, violations: [] }
const ONCE = { ...DELIVERED, duplicates: 0, requests: 1 }

test('row 1: an API that dies before T2 has accepted nothing; the repeated trigger is the only one', async () => {
  expect(await crashApiIn('T1', 'row-1')).toEqual([])
  expect((await rig.client.triggerOnce('row-1', 'key-row-1')).status).toBe(202)
  expect(await deliver('row-1')).toEqual(ONCE)
})

test('row 2: a commit whose answer is lost is 503; with the key it is answered 202 and delivered once', async () => {
  const proxy = await startProxy({ port: rig.postgres.port })
  const url = new URL(rig.postgres.url)
  url.port = String(proxy.port)
  await rig.webhooks('row-2')
  await restartApi({ DATABASE_URL: url.href })
  expect((await rig.client.triggerOnce('nobody')).status).toBe(202)

  proxy.halfOpen()
  const answer = rig.client.triggerOnce('row-2', 'key-row-2')
  await waitUntil(async () => (await rows('row-2')).length === 1, { message: 'the commit' })
  proxy.reset()
  expect((await answer).status).toBe(503)
  proxy.heal()

  expect((await rig.client.triggerOnce('row-2', 'key-row-2')).status).toBe(202)
  const [row] = await rows('row-2')
  expect(row?.deliveries).toBe(1)
  expect(rig.client.acknowledged.at(-1)?.messageId).toBe(row?.message_id)
  expect(await deliver('row-2')).toEqual(ONCE)
  await restartApi()
  await proxy.close()
})

test('row 3: an API that dies between T2 and T3 has accepted; the sweep enqueues what the queue never got', async () => {
  expect(await crashApiIn('T2', 'row-3')).toEqual([
    { message_id: expect.stringMatching(/^msg_/) as string, deliveries: 1 },
  ])
  await waitUntil(async () => (await rig.sweepOnce())?.requeued === 1, { message: 'the re-add' })
  expect((await rig.client.triggerOnce('row-3', 'key-row-3')).status).toBe(202)
  expect(await deliver('row-3')).toEqual(ONCE)
})

test('row 4: when the queue got 20 of 50 jobs, the sweep adds exactly the 30 that are missing', async () => {
  await rig.webhooks('row-4', { count: 50 })
  await restartApi({ FAILPOINTS: 'T2=kill@1' })
  await rig.client.triggerOnce('row-4', 'key-row-4')
  await api.exited
  await restartApi()
  const ids = await rig.postgres.sql<{ id: string }>(
    `select id from deliveries where event_name = 'row-4' order by id limit 20`,
  )
  const queue = makeDeliveryQueue(
    connectQueue(rig.redis.url, 'commands', makeMemoryLog()),
    rig.env['BROKER_KEY_PREFIX'] ?? '',
  )
  await waitUntil(() =>
    queue.depth().then(
      () => true,
      () => false,
    ),
  )
  await queue.enqueue(ids.map(({ id }) => ({ deliveryId: id, delayMs: 0 })))
  await queue.close()

  await waitUntil(async () => (await rig.sweepOnce())?.requeued === 30, { message: '30 re-adds' })
  expect((await rig.client.triggerOnce('row-4', 'key-row-4')).status).toBe(202)
  expect(await deliver('row-4')).toEqual({
    ...ONCE,
    accepted: 50,
    delivered: 50,
    requests: 50,
  })
})

test('row 5: an API that dies between T3 and the 202 has accepted; the repeated trigger replays the answer', async () => {
  const [row] = await crashApiIn('T3', 'row-5')
  expect(row?.deliveries).toBe(1)
  expect((await rig.client.triggerOnce('row-5', 'key-row-5')).status).toBe(202)
  expect(rig.client.acknowledged.at(-1)?.messageId).toBe(row?.message_id)
  expect(await deliver('row-5')).toEqual(ONCE)
})

test('an API that dies the moment its 202 has arrived has lost nothing', async () => {
  await rig.webhooks('after-T4')
  await rig.client.trigger('after-T4')
  expect(await api.kill9()).toEqual(DIED)
  api = await rig.start('api')
  expect(await deliver('after-T4')).toEqual(ONCE)
})
