// The handlers as Lambda runs them: put together from the environment once, then called with events of every gateway.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { HttpEvent, HttpResult } from '../../lib/http/lambda.ts'
import { EVENT_MAKERS, httpApiV2, restApiV1, type HttpRequest } from '../support/http-events.ts'
import { makeSchema, randomPrefix, type TestSchema } from '../support/schema.ts'

const KEY = 'lambda-key-0123456789'
const AUTH = { authorization: `Bearer ${KEY}` }
const JSON_TYPE = { ...AUTH, 'content-type': 'application/json' }

type Handler = (event: HttpEvent) => Promise<HttpResult>
let schema: TestSchema
let handlers: Record<'register' | 'list' | 'manage' | 'trigger' | 'deliveries' | 'site', Handler>
beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
  // The handlers read it when they are imported, as on Lambda.
  Object.assign(process.env, {
    DATABASE_URL: schema.url,
    REDIS_URL: inject('redisUrl'),
    BROKER_KEY_PREFIX: randomPrefix(),
    BROKER_API_KEYS: KEY,
    BROKER_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
    BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
    BROKER_LOG_LEVEL: 'silent',
  })
  handlers = {
    register: (await import('../../functions/register/handler.ts')).handler,
    list: (await import('../../functions/list/handler.ts')).handler,
    manage: (await import('../../functions/manage/handler.ts')).handler,
    trigger: (await import('../../functions/trigger/http.ts')).handler,
    deliveries: (await import('../../functions/deliveries/handler.ts')).handler,
    site: (await import('../../functions/site/handler.ts')).handler,
  }
})
afterAll(() => schema.drop())

const json = (result: HttpResult) => JSON.parse(result.body) as Record<string, unknown>
const summary = (result: HttpResult) => [result.statusCode, json(result)['code']]

const register = (eventName: string, make = httpApiV2 as (request: HttpRequest) => HttpEvent) =>
  handlers.register(
    make({
      method: 'POST',
      path: '/api/v0/webhooks',
      headers: JSON_TYPE,
      body: JSON.stringify({ eventName, webhookUrl: 'http://127.0.0.1:4000/h' }),
    }),
  )

describe.each(EVENT_MAKERS)('with events of %s', (kind, make) => {
  const name = `fn.${kind.replaceAll(' ', '_')}`
  const trigger = (more: Partial<HttpRequest> = {}) =>
    handlers.trigger(
      make({
        method: 'POST',
        path: `/api/v0/trigger-event/${name}`,
        headers: JSON_TYPE,
        body: '{}',
        ...more,
      }),
    )

  it('a webhook is registered, listed, triggered, logged and removed', async () => {
    const registered = await register(name, make)
    expect(registered.statusCode).toBe(201)
    const id = String(json(registered)['id'])

    const path = `/api/v0/webhooks/${name}`
    const listed = await handlers.list(
      make({ method: 'GET', path, headers: AUTH, query: { page_size: '7' } }),
    )
    expect(json(listed)).toMatchObject({ total: 1, pageSize: 7 })

    const triggered = await trigger()
    expect([triggered.statusCode, json(triggered)['deliveries']]).toEqual([202, 1])
    expect(triggered.headers['x-request-id']).toMatch(/^req_/)

    const log = await handlers.deliveries(
      make({
        method: 'GET',
        path: '/api/v0/deliveries',
        headers: AUTH,
        query: { webhookId: id, from: '2020-01-01T00:00:00+01:00' },
      }),
    )
    expect(json(log)['deliveries']).toHaveLength(1)

    const removed = await handlers.manage(
      make({ method: 'DELETE', path: `${path}/${id}`, headers: AUTH }),
    )
    expect([removed.statusCode, removed.body]).toEqual([204, ''])
  })

  // O-NAME-1: REST APIs do not decode paths, HTTP APIs do. A decoded ? or # cut the path off.
  it.each(['a+b', '50%off', 'é', 'a b', 'a?b', 'a#b', 'a%2Eb'])(
    'the name %s is refused in every place',
    async (bad) => {
      const path = encodeURIComponent(bad)
      const answers = [
        await register(bad, make),
        await handlers.list(
          make({ method: 'GET', path: `/api/v0/webhooks/${path}`, headers: AUTH }),
        ),
        await trigger({ path: `/api/v0/trigger-event/${path}` }),
      ]
      expect(answers.map(summary)).toEqual(Array(3).fill([400, 'invalid_event_name']))
    },
  )

  it('a name that was escaped without need is the name', async () => {
    await register('order.paid', make)
    const answer = await trigger({ path: '/api/v0/trigger-event/order%2Epaid' })
    expect(json(answer)).toMatchObject({ eventName: 'order.paid', deliveries: 1 })
  })

  // A gateway that decoded it has lost which slash was which; either way nobody else's webhooks are found.
  it('a name with a slash finds nothing', async () => {
    const path = '/api/v0/trigger-event/order%2Fpaid'
    expect((await trigger({ path })).statusCode).toBeGreaterThanOrEqual(400)
    expect((await trigger({ path })).statusCode).toBeLessThan(500)
  })

  // O-BODY-3: `atob` gave a binary string that was encoded as UTF-8 once more.
  it.each([true, false])('the bytes of a body are kept, base64: %s', async (base64) => {
    const body = '{"t":"żółć 🙂","n":12345678901234567890}'
    const triggered = await trigger({
      body,
      base64,
      // What a gateway says of the base64, not of the bytes.
      headers: { ...JSON_TYPE, 'content-length': '4' },
    })
    expect(triggered.statusCode).toBe(202)
    const message = await handlers.deliveries(
      make({
        method: 'GET',
        path: `/api/v0/messages/${String(json(triggered)['messageId'])}`,
        headers: AUTH,
      }),
    )
    expect([json(message)['payload'], json(message)['size']]).toEqual([body, 46])
  })

  it('a body is judged as everywhere: limit, encoding, JSON', async () => {
    const large = JSON.stringify('x'.repeat(262_144))
    expect(summary(await trigger({ body: large }))).toEqual([413, 'payload_too_large'])
    const latin1 = new Uint8Array([0x22, 0xe9, 0x22])
    expect(summary(await trigger({ body: latin1, base64: true }))).toEqual([
      400,
      'invalid_encoding',
    ])
    expect(summary(await trigger({ body: '{bad' }))).toEqual([400, 'invalid_json'])
    const gzip = { headers: { ...JSON_TYPE, 'Content-Encoding': 'gzip' } }
    expect(summary(await trigger(gzip))).toEqual([415, 'unsupported_media_type'])
  })

  it('without a known key is 401, whatever the header holds', async () => {
    for (const authorization of [
      '',
      'Bearer',
      'Bearer é',
      'Bearer ✓',
      `Bearer ${KEY},Bearer ${KEY}`,
    ]) {
      expect(summary(await trigger({ headers: { authorization } }))).toEqual([401, 'unauthorized'])
    }
    expect(summary(await trigger({ headers: {} }))).toEqual([401, 'unauthorized'])
  })
})

describe('an event of a console or a test', () => {
  it('may leave out what it likes', async () => {
    const v1 = { httpMethod: 'GET', path: '/healthz', headers: null, body: null }
    expect((await handlers.site(v1)).statusCode).toBe(200)
    const v2 = {
      rawPath: '/healthz',
      rawQueryString: '',
      requestContext: { http: { method: 'GET' } },
    }
    expect((await handlers.site(v2)).statusCode).toBe(200)
  })

  it('may bring a body with a GET, which is ignored', async () => {
    const request = { method: 'GET', path: '/api/v0/webhooks', headers: AUTH, body: '{}' }
    expect((await handlers.list(httpApiV2(request))).statusCode).toBe(200)
    expect((await handlers.list(restApiV1(request))).statusCode).toBe(200)
  })

  it('with a header given twice is read as a socket would', async () => {
    const event = restApiV1({ method: 'GET', path: '/api/v0/webhooks' })
    const multiValueHeaders = { authorization: [AUTH.authorization, AUTH.authorization] }
    expect(summary(await handlers.list({ ...event, multiValueHeaders }))).toEqual([
      401,
      'unauthorized',
    ])
  })

  it('with a parameter given twice is 400', async () => {
    const event = restApiV1({ method: 'GET', path: '/api/v0/webhooks', headers: AUTH })
    const multiValueQueryStringParameters = { page_size: ['1', '2'] }
    const answer = await handlers.list({ ...event, multiValueQueryStringParameters })
    expect(summary(answer)).toEqual([400, 'invalid_request'])
  })
})

describe('the site', () => {
  const get = (path: string, headers = {}, method = 'GET') =>
    handlers.site(httpApiV2({ method, path, headers }))

  it('is ready with Postgres and Redis, and shows the document', async () => {
    expect(json(await get('/readyz'))).toEqual({ status: 'ready', degraded: [] })
    expect(json(await get('/openapi.json'))).toMatchObject({ openapi: '3.1.0' })
    expect((await get('/docs')).headers['content-type']).toContain('text/html')
  })

  it('answers what is nobody’s as one app would: 401, 404, 405', async () => {
    expect(summary(await get('/api/v0/nothing'))).toEqual([401, 'unauthorized'])
    expect(summary(await get('/api/v0/nothing', AUTH))).toEqual([404, 'not_found'])
    const wrongMethod = await get('/api/v0/trigger-event/a', AUTH)
    expect(summary(wrongMethod)).toEqual([405, 'method_not_allowed'])
    expect(wrongMethod.headers['allow']).toBe('POST')
    expect(summary(await get('/nothing'))).toEqual([404, 'not_found'])
  })
})
