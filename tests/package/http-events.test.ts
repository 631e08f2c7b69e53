// The packaged functions behind a gateway: events as API Gateway documents them (format 2.0 of an HTTP API and 1.0 of a
// REST API), against real Redis and Postgres.

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HttpResult } from '../../lib/http/lambda.ts'
import { API_ROUTES } from '../../lib/http/openapi.ts'
import { KEY, makeFunctionKit, type FunctionKit } from '../support/function-kit.ts'
import { PACKAGING_TIMEOUT_MS } from '../support/function-package.ts'
import { httpApiV2, restApiV1, type HttpRequest } from '../support/http-events.ts'

let kit: FunctionKit
beforeAll(async () => {
  kit = await makeFunctionKit()
}, PACKAGING_TIMEOUT_MS)
afterAll(() => kit.stop())

type Recorded = { body: string | null; isBase64Encoded: boolean } & Record<string, unknown>
const recorded = (file: string): Recorded =>
  JSON.parse(readFileSync(`tests/package/events/${file}.json`, 'utf8')) as Recorded

const AUTH = { authorization: `Bearer ${KEY}` }
const JSON_TYPE = { ...AUTH, 'content-type': 'application/json' }
const json = (result: HttpResult) => JSON.parse(result.body) as Record<string, unknown>

const registerWebhook = (eventName: string) =>
  kit.call('register', 'POST webhooks', { eventName, webhookUrl: 'http://127.0.0.1:4000/h' })

const payloadOf = async (result: HttpResult): Promise<Buffer | undefined> => {
  const [row] = await kit.schema.sql<{ payload: Buffer }>(
    'select payload from messages where id = $1',
    [json(result)['messageId']],
  )
  return row?.payload
}

describe.each([
  ['api-gateway-v2', httpApiV2],
  ['api-gateway-v1', restApiV1],
] as const)('an event of %s', (file, make) => {
  it('is a trigger, which is accepted for the webhooks of its event', async () => {
    await registerWebhook('upload_image')
    const triggered = await kit.invoke('trigger', recorded(file))
    expect([triggered.statusCode, json(triggered)]).toMatchObject([
      202,
      { eventName: 'upload_image', deliveries: 1 },
    ])
    expect((await payloadOf(triggered))?.toString()).toBe('{"name":"cat.png"}')
  })

  // O-BODY-3: an adapter decoded base64 into a string and encoded that as UTF-8; another did not decode it.
  it('brings the same bytes whether its body is base64 or text', async () => {
    const text = '{"t":"żółć 🙂"}'
    const event = recorded(file)
    const asText = await kit.invoke('trigger', { ...event, body: text, isBase64Encoded: false })
    const asBase64 = await kit.invoke('trigger', {
      ...event,
      body: Buffer.from(text).toString('base64'),
      isBase64Encoded: true,
    })
    const bytes = '7b2274223a22c5bcc3b3c582c48720f09f9982227d'
    expect((await payloadOf(asText))?.toString('hex')).toBe(bytes)
    expect((await payloadOf(asBase64))?.toString('hex')).toBe(bytes)
  })

  // O-NAME-1: an HTTP API decodes the path, a REST API does not; decoding twice, or never, makes another name.
  it('means one name in every function, or is refused by all of them', async () => {
    expect((await registerWebhook(`order.paid-${file}`)).statusCode).toBe(201)
    const call = (name: string, request: Omit<HttpRequest, 'headers'>) =>
      kit.invoke(name, make({ ...request, headers: JSON_TYPE }))
    const good = encodeURIComponent(`order.paid-${file}`).replaceAll('.', '%2E')
    const listed = await call('list', { method: 'GET', path: `/api/v0/webhooks/${good}` })
    expect([listed.statusCode, json(listed)['total']]).toEqual([200, 1])
    const fired = await call('trigger', {
      method: 'POST',
      path: `/api/v0/trigger-event/${good}`,
      body: '{}',
    })
    expect([fired.statusCode, json(fired)['deliveries']]).toEqual([202, 1])

    for (const bad of ['order/paid', 'a+b', '50%off', 'é', 'a b', 'a?b', 'a#b', '..']) {
      const path = encodeURIComponent(bad)
      const answers = [
        await registerWebhook(bad),
        await call('list', { method: 'GET', path: `/api/v0/webhooks/${path}` }),
        await call('trigger', {
          method: 'POST',
          path: `/api/v0/trigger-event/${path}`,
          body: '{}',
        }),
      ]
      // A gateway that decoded the slash brings another path, which is no route.
      const expected = bad === 'order/paid' || bad === '..' ? [400, 404] : [400]
      for (const { statusCode } of answers) expect(expected).toContain(statusCode)
    }
  })
})

const isCors = (name: string) => /^access-control-/i.test(name)

describe('a broker as functions', () => {
  const get = (name: string, path: string, headers: Record<string, string> = AUTH) =>
    kit.invoke(name, httpApiV2({ method: 'GET', path, headers }))

  it('shows what was triggered, and takes it away again', async () => {
    const { id } = json(await registerWebhook('shown')) as { id: string }
    const fired = await kit.invoke('trigger', {
      ...recorded('api-gateway-v2'),
      rawPath: '/api/v0/trigger-event/shown',
    })
    const messageId = String(json(fired)['messageId'])
    expect(json(await get('deliveries', `/api/v0/messages/${messageId}`))).toMatchObject({
      payload: '{"name":"cat.png"}',
      deliveries: [{ webhookId: id, status: 'pending' }],
    })
    const removed = await kit.invoke(
      'manage',
      httpApiV2({ method: 'DELETE', path: `/api/v0/webhooks/shown/${id}`, headers: AUTH }),
    )
    expect(removed.statusCode).toBe(204)
    expect(json(await get('deliveries', `/api/v0/messages/${messageId}`))).toMatchObject({
      deliveries: [{ webhookId: id, status: 'cancelled' }],
    })
    expect(json(await get('site', '/readyz'))).toMatchObject({ status: 'ready' })
  })

  // O-SEC-4: only a 200 carried the header, and browsers hid the real error. Here: no answer carries any.
  it('sends no CORS header, whatever it answers', async () => {
    const origin = { origin: 'https://shop.example', 'access-control-request-method': 'POST' }
    // The gateway has no route for OPTIONS, so every one of them reaches the site.
    const options = (path: string) =>
      kit.invoke('site', httpApiV2({ method: 'OPTIONS', path, headers: origin }))
    for (const { path } of API_ROUTES) {
      const { statusCode, headers } = await options(path.replaceAll(/[{}]/g, ''))
      expect([statusCode, Object.keys(headers).filter(isCors)]).toEqual([401, []])
    }
    const post = async (path: string, headers: Record<string, string>, body: string) =>
      kit.invoke(
        'trigger',
        httpApiV2({ method: 'POST', path, headers: { ...headers, ...origin }, body }),
      )
    const path = '/api/v0/trigger-event/upload_image'
    const answers = {
      options: await options('/api/v0/webhooks'),
      accepted: await post(path, JSON_TYPE, '{}'),
      invalid: await post(path, JSON_TYPE, 'not json'),
      keyless: await post(path, { 'content-type': 'application/json' }, '{}'),
      unknown: await get('site', '/api/v0/nothing', { ...AUTH, ...origin }),
      down: await (async () => {
        kit.losePostgres()
        return post(path, JSON_TYPE, '{}')
      })(),
    }
    const statuses = Object.entries(answers).map(([name, { statusCode }]) => [name, statusCode])
    expect(Object.fromEntries(statuses)).toEqual({
      options: 401,
      accepted: 202,
      invalid: 400,
      keyless: 401,
      unknown: 404,
      down: 503,
    })
    for (const { headers } of Object.values(answers)) {
      expect(Object.keys(headers).filter(isCors)).toEqual([])
      expect(headers['x-request-id']).toMatch(/^req_/)
    }
  })
})
