// The scheduled repair as Lambda runs it: it hands over what the queue forgot, and ends before it is ended.

import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import type { SweepSummary } from '../../lib/broker/sweep-summary.ts'
import type { HttpEvent, HttpResult } from '../../lib/http/lambda.ts'
import { makeQueueNames } from '../../lib/queue/names.ts'
import { httpApiV2 } from '../support/http-events.ts'
import { makeSchema, randomPrefix, type TestSchema } from '../support/schema.ts'

const KEY = 'sweep-key-0123456789'
const HEADERS = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }
const PREFIX = randomPrefix()

type Handler = (event: HttpEvent) => Promise<HttpResult>
let schema: TestSchema
let redis: Redis
let register: Handler
let trigger: Handler
let sweep: (
  event: unknown,
  context: { getRemainingTimeInMillis(): number },
) => Promise<SweepSummary>
beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
  redis = new Redis(inject('redisUrl'))
  Object.assign(process.env, {
    DATABASE_URL: schema.url,
    REDIS_URL: inject('redisUrl'),
    BROKER_KEY_PREFIX: PREFIX,
    BROKER_API_KEYS: KEY,
    BROKER_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
    BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
    BROKER_LOG_LEVEL: 'silent',
  })
  register = (await import('../../functions/register/handler.ts')).handler
  trigger = (await import('../../functions/trigger/http.ts')).handler
  sweep = (await import('../../functions/sweep/handler.ts')).handler
})
afterAll(async () => {
  redis.disconnect()
  await schema.drop()
})

const post = async (handler: Handler, path: string, body: unknown) => {
  const text = JSON.stringify(body)
  const result = await handler(httpApiV2({ method: 'POST', path, headers: HEADERS, body: text }))
  expect(result.statusCode).toBeLessThan(300)
}

/** One minute, as serverless.yml gives it. */
const minute = { getRemainingTimeInMillis: () => 60_000 }

it('enqueues the deliveries whose jobs are gone, under their own ids, and no other', async () => {
  await post(register, '/api/v0/webhooks', {
    eventName: 'swept',
    webhookUrl: 'http://127.0.0.1:4000/h',
  })
  expect((await sweep({}, minute)).redis).toBe('ok')
  for (let n = 0; n < 3; n += 1) await post(trigger, '/api/v0/trigger-event/swept', { n })
  const rows = await schema.sql<{ id: string }>('select id from deliveries order by id')
  const jobs = rows.map(({ id }) => makeQueueNames(PREFIX).job(id))
  expect(await redis.exists(...jobs)).toBe(3)

  const [lost = '', lostToo = ''] = jobs
  await redis.del(lost, lostToo)
  await schema.sql(`update deliveries set due_at = now() - interval '1 second'`)
  const summary = await sweep({}, minute)
  expect(summary).toMatchObject({
    found: { unqueued: 3 },
    probed: 3,
    requeued: 2,
    redisLost: false,
    redis: 'ok',
    complete: true,
  })
  expect(await redis.exists(...jobs)).toBe(3)
})

it('that has hardly any time left stops at once, says so, and leaves the rest to the next run', async () => {
  await schema.sql(`update deliveries set due_at = now() - interval '1 second'`)
  const summary = await sweep({}, { getRemainingTimeInMillis: () => 10_000 })
  expect(summary.complete).toBe(false)
  expect((await sweep({}, minute)).complete).toBe(true)
})
