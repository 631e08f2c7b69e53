// The function that SQS, SNS and EventBridge invoke, as Lambda runs it, over a real Redis and a real Postgres that can be
// cut off: what is accepted is accepted once, and what is not is reported.
// Over 250 lines because what the function stands on is set up once.

import type { SQSEvent } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import type { BatchResponse } from '../../lib/events/handle-events.ts'
import { httpApiV2 } from '../support/http-events.ts'
import { lambdaEnvironment, startLambdaEndpoint } from '../support/lambda-endpoint.ts'
import { startTestRedis, type TestRedis } from '../support/redis-kit.ts'
import { makeSchema, randomPrefix, type TestSchema } from '../support/schema.ts'
import {
  eventBridgeEvent,
  fifoRecord,
  snsEvent,
  snsText,
  sqsEvent,
  sqsRecord,
} from '../support/source-events.ts'
import { startProxy, type Proxy } from '../support/tcp-proxy.ts'
import { waitUntil } from '../support/wait.ts'

const PREFIX = randomPrefix()
const KEYS = { acme: 'acme-key-0123456789', other: 'other-key-0123456789' }

let schema: TestSchema
let redis: TestRedis
let postgres: Proxy
let lambda: Awaited<ReturnType<typeof startLambdaEndpoint>>
let handle: (event: unknown) => Promise<BatchResponse | undefined>

beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
  redis = await startTestRedis()
  lambda = await startLambdaEndpoint()
  postgres = await startProxy({ port: Number(new URL(schema.url).port) })
  Object.assign(process.env, {
    DATABASE_URL: Object.assign(new URL(schema.url), { port: postgres.port }).href,
    REDIS_URL: redis.url,
    BROKER_KEY_PREFIX: PREFIX,
    BROKER_API_KEYS: `acme:${KEYS.acme},other:${KEYS.other}`,
    BROKER_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
    BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
    BROKER_LOG_LEVEL: 'silent',
    BROKER_EVENTS_TENANT: 'acme',
    BROKER_DRAIN_FUNCTION: 'broker-drain',
    ...lambdaEnvironment(lambda),
  })
  const register = (await import('../../functions/register/handler.ts')).handler
  for (const [tenant, key] of Object.entries(KEYS)) {
    const webhook = { eventName: 'upload_image', webhookUrl: `http://127.0.0.1:4000/${tenant}` }
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const path = '/api/v0/webhooks'
    const answer = await register(
      httpApiV2({ method: 'POST', path, headers, body: JSON.stringify(webhook) }),
    )
    expect(answer.statusCode).toBe(201)
  }
  handle = (await import('../../functions/trigger/events.ts')).handler
})
afterAll(async () => {
  await Promise.all([lambda.close(), postgres.close()])
  await redis.stop()
  await schema.drop()
})
afterEach(async () => {
  await schema.sql('truncate messages, deliveries, idempotency_keys')
  // The routing table stays.
  const jobs = await redis.admin.keys(`{${PREFIX}}:*`)
  await redis.admin.del(`${PREFIX}:kick`, ...jobs)
  lambda.requests.length = 0
})

const NAMED = { eventName: 'upload_image' }
const record = (id: string, body = '{}') => sqsRecord({ id, body, attributes: NAMED })
const ten = (): SQSEvent => sqsEvent(...Array.from({ length: 10 }, (_, n) => record(`m${n}`)))
const ids = (...itemIdentifiers: string[]) => ({
  batchItemFailures: itemIdentifiers.map((itemIdentifier) => ({ itemIdentifier })),
})

/** What was accepted, by the key under which it was. */
const accepted = async () => {
  const rows = await schema.sql<{ key: string; payload: Buffer }>(
    `select key, payload from messages join idempotency_keys on message_id = id order by key`,
  )
  return rows.map(({ key, payload }) => [key, payload.toString('utf8')])
}

const counts = async () => {
  const [row] = await schema.sql<{ messages: number; deliveries: number }>(
    `select count(distinct m.id)::int messages, count(d.id)::int deliveries
     from messages m left join deliveries d on d.message_id = m.id`,
  )
  return row
}

describe('each source', () => {
  it('has its events accepted under its own id, with the bytes that came', async () => {
    const payload = '{ "n": 12345678901234567890, "a": 1.0, "t": "é🙂\\u0000" }'
    const envelope = `{ "eventName": "upload_image", "payload": ${payload} }`
    const inTopic = snsText({ id: 'via-queue', body: payload, attributes: NAMED })
    const answers = [
      await handle(
        sqsEvent(
          record('attribute', payload),
          sqsRecord({ id: 'envelope', body: envelope }),
          sqsRecord({ id: 'm3', body: inTopic }),
          sqsRecord({ id: 'm4', body: snsText({ id: 'via-queue-2', body: envelope }) }),
        ),
      ),
      await handle(snsEvent({ id: 'attribute', body: payload, attributes: NAMED })),
      await handle(snsEvent({ id: 'envelope', body: envelope })),
      await handle(eventBridgeEvent('upload_image', { t: 'é🙂\0' }, { id: 'bus' })),
    ]
    expect(answers).toEqual([ids(), undefined, undefined, undefined])
    expect(await accepted()).toEqual([
      ['eventbridge:bus', '{"t":"é🙂\\u0000"}'],
      ['sns:attribute', payload],
      ['sns:envelope', payload],
      ['sns:via-queue', payload],
      ['sns:via-queue-2', payload],
      ['sqs:attribute', payload],
      ['sqs:envelope', payload],
    ])
    expect(await counts()).toEqual({ messages: 7, deliveries: 7 })
  })

  it('fires for the tenant of the function, whatever a message says', async () => {
    const attributes = { ...NAMED, tenant: 'other' }
    expect(await handle(sqsEvent(sqsRecord({ body: '{}', attributes })))).toEqual(ids())
    const rows = await schema.sql(
      `select m.tenant, w.url from messages m join deliveries d on d.message_id = m.id
       join webhooks w on w.id = d.webhook_id`,
    )
    expect(rows).toEqual([{ tenant: 'acme', url: 'http://127.0.0.1:4000/acme' }])
  })

  it('may come twice: the same message, and no second delivery', async () => {
    const events: unknown[] = [
      ten(),
      snsEvent({ id: 's1', body: '{}', attributes: NAMED }),
      eventBridgeEvent('upload_image', {}, { id: 'e1' }),
    ]
    for (const event of [...events, ...events]) await handle(event)
    expect(await counts()).toEqual({ messages: 12, deliveries: 12 })
  })

  it('may come at the same time in two functions', async () => {
    await Promise.all([handle(ten()), handle(ten()), handle(ten())])
    expect(await counts()).toEqual({ messages: 10, deliveries: 10 })
  })

  it('of SNS may come through two queues: one message, since the id is that of SNS', async () => {
    const body = snsText({ id: 's1', body: '{}', attributes: NAMED })
    for (const id of ['first-queue', 'second-queue']) {
      expect(await handle(sqsEvent(sqsRecord({ id, body })))).toEqual(ids())
    }
    expect(await counts()).toEqual({ messages: 1, deliveries: 1 })
  })

  it('with content type and trace context has them kept', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const attributes = { ...NAMED, contentType: 'application/cloudevents+json', traceparent }
    await handle(sqsEvent(sqsRecord({ body: '{}', attributes })))
    expect(await schema.sql('select content_type, traceparent from messages')).toEqual([
      { content_type: 'application/cloudevents+json', traceparent },
    ])
  })
})

describe('of a batch', () => {
  // O-DUP-3: one thrown error returned the whole batch, and the nine good records ran again.
  it('one bad record fails alone, also while Redis refuses writes, and again when it comes again', async () => {
    await redis.admin.config('SET', 'maxmemory', '1')
    try {
      const { Records } = ten()
      const bad = record('m4', 'not json')
      expect(await handle(sqsEvent(...Records.with(4, bad)))).toEqual(ids('m4'))
      expect(await handle(sqsEvent(bad))).toEqual(ids('m4'))
    } finally {
      await redis.admin.config('SET', 'maxmemory', '0')
    }
    expect(await counts()).toEqual({ messages: 9, deliveries: 9 })
    // The control: Redis did refuse, so the sweep has to enqueue them.
    expect(await redis.admin.keys(`{${PREFIX}}:deliveries:dlv_*`)).toEqual([])
  })

  it.each([
    ['no event name', sqsRecord({ id: 'bad', body: '{"a":1}' })],
    ['an illegal one', sqsRecord({ id: 'bad', body: '{}', attributes: { eventName: 'a/b' } })],
    ['a reserved one', sqsRecord({ id: 'bad', body: '{}', attributes: { eventName: 'broker.x' } })],
    [
      'a content type that is not JSON',
      sqsRecord({ id: 'bad', body: '{}', attributes: { ...NAMED, contentType: 'text/plain' } }),
    ],
    ['a payload that is not JSON', record('bad', '{bad')],
    ['a byte order mark', record('bad', '\ufeff{}')],
    ['a payload that is too large', record('bad', JSON.stringify('x'.repeat(262_143)))],
    ['an id that is no key', record('é')],
  ])('a record with %s is reported, and the others are accepted', async (_name, bad) => {
    const answer = await handle(sqsEvent(record('m1'), bad, record('m2')))
    expect(answer).toEqual(ids(bad.messageId))
    expect((await accepted()).map(([key]) => key)).toEqual(['sqs:m1', 'sqs:m2'])
  })

  it('a payload of exactly 256 KiB is accepted, counted in bytes', async () => {
    const fits = JSON.stringify('é'.repeat(131_071))
    expect(Buffer.byteLength(fits)).toBe(262_144)
    const over = JSON.stringify(`${'é'.repeat(131_071)}x`)
    expect(await handle(sqsEvent(record('m1', fits), record('m2', over)))).toEqual(ids('m2'))
    expect(await accepted()).toEqual([['sqs:m1', fits]])
  })

  it('a record is reported whose id came before with another body', async () => {
    expect(await handle(sqsEvent(record('m1', '{"v":1}')))).toEqual(ids())
    expect(await handle(sqsEvent(record('m1', '{"v":2}'), record('m2')))).toEqual(ids('m1'))
    expect(await accepted()).toEqual([
      ['sqs:m1', '{"v":1}'],
      ['sqs:m2', '{}'],
    ])
  })

  it('a group of a FIFO queue is accepted in its order', async () => {
    const batch = Array.from({ length: 10 }, (_, n) =>
      fifoRecord('g', { id: `m${n}`, body: `${n}`, attributes: NAMED }),
    )
    expect(await handle(sqsEvent(...batch))).toEqual(ids())
    const rows = await schema.sql<{ payload: Buffer }>('select payload from messages order by id')
    expect(rows.map(({ payload }) => payload.toString()).join('')).toBe('0123456789')
  })

  it('the drain is woken once, and not at all when nobody wants the events', async () => {
    const unwanted = sqsRecord({ body: '{}', attributes: { eventName: 'nobody' } })
    expect(await handle(sqsEvent(unwanted))).toEqual(ids())
    expect(lambda.requests).toEqual([])
    await handle(ten())
    expect(lambda.requests).toEqual(['POST /2015-03-31/functions/broker-drain/invocations (Event)'])
  })
})

describe('while Postgres', () => {
  const all = ids(...Array.from({ length: 10 }, (_, n) => `m${n}`))
  const notification = () => snsEvent({ id: 's1', body: '{}', attributes: NAMED })
  const bridged = () => eventBridgeEvent('upload_image', {}, { id: 'e1' })

  it('is away every record is reported, and is accepted once it is back', async () => {
    postgres.reset()
    expect(await handle(ten())).toEqual(all)
    await expect(handle(notification())).rejects.toMatchObject({ code: 'log_unavailable' })
    await expect(handle(bridged())).rejects.toMatchObject({ code: 'log_unavailable' })
    postgres.heal()
    expect(await counts()).toEqual({ messages: 0, deliveries: 0 })
    expect(await handle(ten())).toEqual(ids())
    await handle(notification())
    await handle(bridged())
    expect(await counts()).toEqual({ messages: 12, deliveries: 12 })
  })

  it('commits and its answer is lost every record is reported, and comes again without a double', async () => {
    // A connection that stands: the answer to come is that of the statement.
    await handle(sqsEvent(record('before')))
    postgres.halfOpen()
    const answer = handle(sqsEvent(record('m1')))
    await waitUntil(async () => (await counts())?.messages === 2, { message: 'the commit' })
    postgres.reset()
    expect(await answer).toEqual(ids('m1'))
    postgres.heal()
    expect(await handle(sqsEvent(record('m1')))).toEqual(ids())
    expect(await counts()).toEqual({ messages: 2, deliveries: 2 })
  })
})

it('an event of nobody is thrown, so that the platform repeats it and keeps it', async () => {
  await expect(handle({ Records: [{ eventSource: 'aws:s3' }] })).rejects.toMatchObject({
    code: 'invalid_request',
  })
  // The control: the same function goes on.
  expect(await handle(sqsEvent(record('m1')))).toEqual(ids())
})
