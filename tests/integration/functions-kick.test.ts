// The trigger function with a drain to wake, over a real Redis and Postgres and an endpoint that plays Lambda's.

import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import type { HttpEvent, HttpResult } from '../../lib/http/lambda.ts'
import { kickKey } from '../../lib/redis/keys.ts'
import { makeKickMark } from '../../lib/redis/kick-mark.ts'
import { ioredisCommands } from '../../lib/redis/routing-ioredis.ts'
import { httpApiV2 } from '../support/http-events.ts'
import {
  lambdaEnvironment,
  startLambdaEndpoint,
  type LambdaEndpoint,
} from '../support/lambda-endpoint.ts'
import { startTestRedis, type TestRedis } from '../support/redis-kit.ts'
import { makeSchema, randomPrefix, type TestSchema } from '../support/schema.ts'
import { waitUntil } from '../support/wait.ts'

const KEY = 'kick-key-0123456789'
const HEADERS = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }
const PREFIX = randomPrefix()
const INVOCATION = 'POST /2015-03-31/functions/broker-drain/invocations (Event)'

type Handler = (event: HttpEvent) => Promise<HttpResult>
let schema: TestSchema
let redis: TestRedis
let lambda: LambdaEndpoint
let trigger: Handler

const openTrigger = async (): Promise<Handler> => {
  vi.resetModules()
  return (await import('../../functions/trigger/http.ts')).handler
}

beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
  redis = await startTestRedis()
  lambda = await startLambdaEndpoint()
  Object.assign(process.env, {
    DATABASE_URL: schema.url,
    REDIS_URL: redis.url,
    BROKER_KEY_PREFIX: PREFIX,
    BROKER_API_KEYS: KEY,
    BROKER_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
    BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
    BROKER_LOG_LEVEL: 'silent',
    BROKER_DRAIN_FUNCTION: 'broker-drain',
    ...lambdaEnvironment(lambda),
  })
  const register = (await import('../../functions/register/handler.ts')).handler
  const body = JSON.stringify({ eventName: 'kicked', webhookUrl: 'http://127.0.0.1:4000/h' })
  const registered = await register(
    httpApiV2({ method: 'POST', path: '/api/v0/webhooks', headers: HEADERS, body }),
  )
  expect(registered.statusCode).toBe(201)
  trigger = await openTrigger()
})
afterAll(async () => {
  await lambda.close()
  await redis.stop()
  await schema.drop()
})
beforeEach(async () => {
  await redis.admin.del(kickKey(PREFIX))
  lambda.become('ok')
  lambda.onInvoke(() => Promise.resolve())
  lambda.requests.length = 0
})

const fire = async (eventName = 'kicked', call = trigger): Promise<number> => {
  const path = `/api/v0/trigger-event/${eventName}`
  const answer = await call(httpApiV2({ method: 'POST', path, headers: HEADERS, body: '{}' }))
  return answer.statusCode
}

const markStands = async () => (await redis.admin.exists(kickKey(PREFIX))) === 1

/** @returns the milliseconds that it took */
const timed = async (run: () => Promise<unknown>): Promise<number> => {
  const startedMs = performance.now()
  await run()
  return performance.now() - startedMs
}

describe('a trigger', () => {
  it('invokes the drain once, asynchronously, however many triggers come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => fire()))
    expect(answers).toEqual(Array(100).fill(202))
    expect(lambda.requests).toEqual([INVOCATION])
    expect(await markStands()).toBe(true)
  })

  it('has enqueued before it invokes: a drain that starts at once finds the job', async () => {
    const queued = () => redis.admin.llen(`{${PREFIX}}:deliveries:wait`)
    const before = await queued()
    const seen: number[] = []
    lambda.onInvoke(async () => void seen.push(await queued()))
    await fire()
    expect(seen).toEqual([before + 1])
  })

  it('invokes it again once the drain has cleared the mark', async () => {
    await fire()
    await fire()
    expect(lambda.requests).toHaveLength(1)
    await makeKickMark(ioredisCommands(redis.admin), kickKey(PREFIX)).clear()
    await fire()
    expect(lambda.requests).toEqual([INVOCATION, INVOCATION])
  })

  it('with nobody to deliver to invokes nothing', async () => {
    expect(await fire('nobody')).toBe(202)
    expect(lambda.requests).toEqual([])
    expect(await markStands()).toBe(false)
    // The control: the same function, with somebody.
    await fire()
    expect(lambda.requests).toEqual([INVOCATION])
  })
})

describe('a trigger whose invocation', () => {
  it('is refused with 500 is 202, and the next one tries again', async () => {
    lambda.become('broken')
    expect(await fire()).toBe(202)
    // The SDK's own repeat included.
    expect(lambda.requests).toEqual([INVOCATION, INVOCATION])
    expect(await markStands()).toBe(false)
    lambda.become('ok')
    expect(await fire()).toBe(202)
    expect(lambda.requests).toHaveLength(3)
    expect(await markStands()).toBe(true)
  })

  it('gets no answer is 202 within its budget, and takes its mark back', async () => {
    lambda.become('silent')
    const tookMs = await timed(async () => expect(await fire()).toBe(202))
    expect(tookMs).toBeGreaterThanOrEqual(490)
    expect(tookMs).toBeLessThan(2_000)
    expect(lambda.requests).toEqual([INVOCATION])
    expect(await markStands()).toBe(false)
  })

  it('finds nobody listening is 202, and takes its mark back', async () => {
    process.env['AWS_ENDPOINT_URL_LAMBDA'] = 'http://127.0.0.1:1'
    const unheard = await openTrigger()
    // The SDK reads it at its first request.
    const answer = await fire('kicked', unheard)
    process.env['AWS_ENDPOINT_URL_LAMBDA'] = lambda.url
    expect([answer, await markStands()]).toEqual([202, false])
    expect(await fire()).toBe(202)
    expect(lambda.requests).toEqual([INVOCATION])
  })
})

describe('a trigger without', () => {
  it('a drain to wake sets no mark', async () => {
    delete process.env['BROKER_DRAIN_FUNCTION']
    const plain = await openTrigger()
    process.env['BROKER_DRAIN_FUNCTION'] = 'broker-drain'
    expect(await fire('kicked', plain)).toBe(202)
    expect([lambda.requests, await markStands()]).toEqual([[], false])
  })

  it('an answer of Redis is 202 and invokes nothing, until Redis is back', async () => {
    redis.freeze()
    try {
      const tookMs = await timed(async () => expect(await fire()).toBe(202))
      expect(tookMs).toBeLessThan(2_000)
    } finally {
      redis.thaw()
    }
    expect(lambda.requests).toEqual([])
    await redis.kill()
    expect(await fire()).toBe(202)
    expect(lambda.requests).toEqual([])
    await redis.startAgain()
    const kicksAgain = async () => {
      await redis.admin.del(kickKey(PREFIX))
      return (await fire()) === 202 && lambda.requests.length > 0
    }
    await waitUntil(kicksAgain, { message: 'a kick' })
  })
})
