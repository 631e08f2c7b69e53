// The scheduled drain as Lambda runs it, with the trigger as its neighbour: real Redis, real Postgres, a real receiver.

import { afterAll, beforeAll, beforeEach, expect, inject, it } from 'vitest'
import type { DrainSummary } from '../../lib/broker/drain.ts'
import type { SweepSummary } from '../../lib/broker/sweep-summary.ts'
import type { HttpEvent, HttpResult } from '../../lib/http/lambda.ts'
import { openDraining } from '../../lib/wiring/draining.ts'
import { openFunction } from '../../lib/wiring/serving.ts'
import { httpApiV2 } from '../support/http-events.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { startTestRedis, type TestRedis } from '../support/redis-kit.ts'
import { makeSchema, type TestSchema } from '../support/schema.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { waitUntil } from '../support/wait.ts'

const KEY = 'drain-key-0123456789'
const HEADERS = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }

type Handler = (event: HttpEvent) => Promise<HttpResult>
type Context = { getRemainingTimeInMillis(): number }
let schema: TestSchema
let redis: TestRedis
let receiver: Receiver
let register: Handler
let trigger: Handler
let drain: (event: unknown, context: Context) => Promise<DrainSummary>
let sweep: (event: unknown, context: Context) => Promise<SweepSummary>

beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
  redis = await startTestRedis()
  receiver = await startReceiver()
  Object.assign(process.env, {
    DATABASE_URL: schema.url,
    REDIS_URL: redis.url,
    BROKER_API_KEYS: KEY,
    BROKER_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
    BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
    BROKER_LOG_LEVEL: 'silent',
    BROKER_DELIVERY_TIMEOUT_MS: '1000',
  })
  register = (await import('../../functions/register/handler.ts')).handler
  trigger = (await import('../../functions/trigger/http.ts')).handler
  sweep = (await import('../../functions/sweep/handler.ts')).handler
  drain = (await import('../../functions/worker/scheduled.ts')).handler
  await post(register, '/api/v0/webhooks', {
    eventName: 'drained',
    webhookUrl: `${receiver.url}/drained`,
  })
  await post(register, '/api/v0/webhooks', {
    eventName: 'slow',
    webhookUrl: `${receiver.url}/slow`,
    timeoutMs: 40_000,
  })
})
beforeEach(async () => {
  await sweep({}, minute)
})
afterAll(async () => {
  await receiver.close()
  await redis.stop()
  await schema.drop()
})

const post = async (handler: Handler, path: string, body: unknown) => {
  const text = JSON.stringify(body)
  const result = await handler(httpApiV2({ method: 'POST', path, headers: HEADERS, body: text }))
  expect(result.statusCode).toBeLessThan(300)
}

const fire = async (eventName: string, count: number) => {
  for (let n = 0; n < count; n += 1)
    await post(trigger, `/api/v0/trigger-event/${eventName}`, { n })
}

const minute: Context = { getRemainingTimeInMillis: () => 60_000 }

const statuses = async (eventName: string) =>
  schema.sql<{ status: string; count: number }>(
    'select status, count(*)::int as count from deliveries where event_name = $1 group by 1 order by 1',
    [eventName],
  )

it('delivers what was accepted, and closes its connections to receivers', async () => {
  await fire('drained', 5)
  expect(await drain({}, minute)).toMatchObject({ source: 'queue', taken: 5, end: 'empty' })
  expect(await statuses('drained')).toEqual([{ status: 'delivered', count: 5 }])
  expect(receiver.received).toHaveLength(5)
  const before = receiver.connections
  await fire('drained', 1)
  await drain({}, minute)
  expect(receiver.connections).toBe(before + 1)
})

it('clears the mark of the kick, so that the next trigger wakes a drain again', async () => {
  await redis.admin.set('broker:kick', 'a token')
  await drain({}, minute)
  expect(await redis.admin.exists('broker:kick')).toBe(0)
})

it('delivers from Postgres after Redis was emptied, without waiting for the sweep', async () => {
  await fire('drained', 4)
  await redis.admin.flushall()
  expect(await drain({}, minute)).toMatchObject({ source: 'log', taken: 4, end: 'empty' })
  expect(await statuses('drained')).toEqual([{ status: 'delivered', count: 10 }])
})

it('delivers from Postgres while Redis is dead, and from the queue when it is back', async () => {
  await redis.kill()
  await fire('drained', 3)
  expect(await drain({}, minute)).toMatchObject({ source: 'log', taken: 3, end: 'empty' })
  await redis.startAgain()
  await waitUntil(async () => (await sweep({}, minute)).redis === 'ok', { message: 'Redis back' })
  // An add that was given up may have reached Redis all the same: a hint, which this run drops.
  await drain({}, minute)
  await fire('drained', 2)
  expect(await drain({}, minute)).toMatchObject({ source: 'queue', taken: 2, end: 'empty' })
  expect(await statuses('drained')).toEqual([{ status: 'delivered', count: 15 }])
})

it('takes nothing when no attempt would fit into the time left', async () => {
  await fire('drained', 1)
  const nearlyOver = { getRemainingTimeInMillis: () => 5_900 }
  expect(await drain({}, nearlyOver)).toMatchObject({ taken: 0, end: 'time' })
  expect(await statuses('drained')).toEqual([
    { status: 'delivered', count: 15 },
    { status: 'pending', count: 1 },
  ])
  expect(await drain({}, minute)).toMatchObject({ taken: 1, end: 'empty' })
})

it('leaves a delivery whose own timeout is longer than the time left to the next run, at no cost', async () => {
  await fire('slow', 1)
  const before = receiver.received.length
  const halfAMinute = { getRemainingTimeInMillis: () => 30_000 }
  expect(await drain({}, halfAMinute)).toMatchObject({ taken: 1, end: 'empty' })
  expect(receiver.received).toHaveLength(before)
  const [row] = await schema.sql<{ status: string; steps_used: number }>(
    "select status, steps_used from deliveries where event_name = 'slow'",
  )
  expect(row).toEqual({ status: 'retrying', steps_used: 0 })
  await schema.sql("update deliveries set next_attempt_at = now() where event_name = 'slow'")
  await redis.admin.flushall()
  await drain({}, minute)
  expect(await statuses('slow')).toEqual([{ status: 'delivered', count: 1 }])
})

// A claim waits ten seconds for a Postgres that says nothing, five were planned for: the platform ended the function.
it('ends in time with a Postgres that has fallen silent, and says so', async () => {
  const url = new URL(schema.url)
  const proxy = await startProxy({ port: Number(url.port) })
  url.port = String(proxy.port)
  const before = process.env['DATABASE_URL']
  process.env['DATABASE_URL'] = url.href
  const behind = await openDraining(openFunction('drain'))
  process.env['DATABASE_URL'] = before
  await fire('drained', 1)
  expect(await behind(60_000)).toMatchObject({ source: 'queue', taken: 1, end: 'empty' })
  await fire('drained', 1)
  proxy.blackhole()
  const summary = await behind(8_000)
  expect(summary).toMatchObject({ source: 'queue', taken: 1, end: 'cut' })
  expect(summary.durationMs).toBeLessThan(8_000)
  // What it left is delivered by the next run.
  await redis.admin.flushall()
  await drain({}, minute)
  expect(await statuses('drained')).toEqual([{ status: 'delivered', count: 18 }])
  await proxy.close()
})

it('costs at most 12 Redis commands when there is nothing to do, those inside scripts included', async () => {
  await redis.admin.config('RESETSTAT')
  expect(await drain({}, minute)).toMatchObject({ source: 'queue', taken: 0, end: 'empty' })
  expect(await commandsCarriedOut()).toBeLessThanOrEqual(12)
})

it('costs at most 12 commands sent also when its environment is new', async () => {
  await redis.admin.config('RESETSTAT')
  const anew = await openDraining(openFunction('drain'))
  const connected = await commandsCarriedOut()
  await redis.admin.config('RESETSTAT')
  expect(await anew(60_000)).toMatchObject({ source: 'queue', taken: 0, end: 'empty' })
  // get, del, eval and evalsha: the others are inside the scripts.
  expect(connected + 4).toBeLessThanOrEqual(12)
})

/** What Redis has carried out since the last RESETSTAT, without the test's own questions. */
const commandsCarriedOut = async () => {
  const stats = await redis.admin.info('commandstats')
  let total = 0
  for (const [, name, count] of stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)) {
    if (name !== 'config|resetstat') total += Number(count)
  }
  return total
}
