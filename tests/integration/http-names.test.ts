// Event names as callers write them: in bodies, in paths, and as they meet the keys of Redis.

import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemOf, startApi, type TestApi } from '../support/api-kit.ts'

let api: TestApi
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const register = (eventName: unknown) =>
  api.call('POST', '/api/v0/webhooks', {
    json: { eventName, webhookUrl: 'http://127.0.0.1:4000/h' },
  })

/** Sends a path as it is written: fetch would tidy it up first. */
const rawStatus = (method: string, path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(api.url)
    const headers = { authorization: 'Bearer full-key-0123456789' }
    request({ hostname, port, path, method, headers }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
      .on('error', reject)
      .end()
  })

// O-NAME-1: tools that decoded a path once more, or once less, than the gateway did.
describe('a name that a path can garble', () => {
  it.each(['order/paid', 'a+b', '50%off', 'é', 'a b', 'a?b', 'a#b'])(
    '%s is refused in the body and in both paths',
    async (name) => {
      const path = encodeURIComponent(name)
      const answers = [
        await register(name),
        await api.call('GET', `/api/v0/webhooks/${path}`),
        await api.call('POST', `/api/v0/trigger-event/${path}`),
      ]
      const refused = { status: 400, code: 'invalid_event_name', fields: ['eventName'] }
      expect(answers.map(problemOf)).toEqual([refused, refused, refused])
    },
  )

  it('order.paid is one name in all three', async () => {
    expect((await register('order.paid')).status).toBe(201)
    const listed = await api.call('GET', '/api/v0/webhooks/order.paid')
    expect(listed.json['total']).toBe(1)
    const triggered = await api.call('POST', '/api/v0/trigger-event/order.paid')
    expect(triggered.json).toMatchObject({ eventName: 'order.paid', deliveries: 1 })
  })

  it('is decoded once: an escaped dot is a dot, an escaped percent sign stays one', async () => {
    await register('once.decoded')
    const once = await api.call('POST', '/api/v0/trigger-event/once%2Edecoded')
    expect(once.json).toMatchObject({ eventName: 'once.decoded', deliveries: 1 })
    const twice = await api.call('POST', '/api/v0/trigger-event/once%252Edecoded')
    expect(problemOf(twice).code).toBe('invalid_event_name')
  })

  it.each(['.', '..'])('%s is refused in the body and leads nowhere in a path', async (name) => {
    expect(problemOf(await register(name)).code).toBe('invalid_event_name')
    expect(await rawStatus('GET', `/api/v0/webhooks/${name}`)).toBe(404)
    expect(await rawStatus('POST', `/api/v0/trigger-event/${name}`)).toBe(404)
    expect(await rawStatus('POST', `/api/v0/trigger-event/%2E${name.slice(1)}`)).toBe(404)
  })

  it.each(['%', '%4', '%zz', '%E0%A4%A', '%FF', 'a%C3'])(
    'the broken encoding %s is 400 everywhere',
    async (path) => {
      for (const [method, route] of [
        ['GET', `/api/v0/webhooks/${path}`],
        ['GET', `/api/v0/webhooks/a/${path}`],
        ['POST', `/api/v0/trigger-event/${path}`],
        ['GET', `/api/v0/deliveries/${path}`],
      ] as const) {
        const answer = await api.call(method, route)
        expect(problemOf(answer)).toEqual({ status: 400, code: 'invalid_encoding', fields: [] })
      }
    },
  )

  // It was passed on to Postgres, which has no NUL in a text, and the answer was 500.
  it('with a NUL never reaches a store', async () => {
    for (const [method, route, status] of [
      ['GET', '/api/v0/webhooks/a%00b', 400],
      ['GET', '/api/v0/webhooks/a%00b/wh_1', 400],
      ['DELETE', '/api/v0/webhooks/a%00b/wh_1', 400],
      ['POST', '/api/v0/webhooks/a%00b/wh_1/rotate-secret', 400],
      ['POST', '/api/v0/webhooks/a%00b/wh_1/test', 400],
      ['GET', '/api/v0/webhooks/ab/wh%00', 404],
      ['GET', '/api/v0/deliveries/dlv%00', 404],
      ['GET', '/api/v0/messages/msg%00', 404],
      ['GET', '/api/v0/deliveries?eventName=a%00b', 400],
      ['GET', '/api/v0/deliveries?webhookId=wh%00', 400],
      ['GET', '/api/v0/deliveries?messageId=msg%00', 400],
    ] as const) {
      expect([route, (await api.call(method, route)).status]).toEqual([route, status])
    }
  })
})

// O-NAME-2: user text in a colon-joined key met the keys of the queue.
describe('a name like a key of Redis', () => {
  it.each(['bull:q:meta', 'bull:q:wait', 'bull:q:1', 'q:completed', 'evt:a', '{t}:event:a'])(
    '%s is refused',
    async (name) => {
      expect(problemOf(await register(name)).code).toBe('invalid_event_name')
    },
  )

  it.each(['meta', 'wait', 'version', 'event', 'default', '123'])(
    '%s is text like any other',
    async (name) => {
      expect((await register(name)).status).toBe(201)
      const triggered = await api.call('POST', `/api/v0/trigger-event/${name}`)
      expect(triggered.json).toMatchObject({ eventName: name, deliveries: 1 })
    },
  )
})

// O-NAME-3: a look-up in a plain object found what every object inherits; an empty type passed.
describe('a name that is no name', () => {
  it.each([
    ['empty', '', 'invalid_event_name'],
    ['a blank', ' ', 'invalid_event_name'],
    ['a tab', '\t', 'invalid_event_name'],
    ['a name with a line break', 'a\n', 'invalid_event_name'],
    ['129 characters', 'a'.repeat(129), 'invalid_event_name'],
    ['10,000 characters', 'a'.repeat(10_000), 'invalid_event_name'],
    ['a number', 5, 'invalid_request'],
    ['null', null, 'invalid_request'],
    ['a list', ['a'], 'invalid_request'],
    ['missing', undefined, 'invalid_request'],
  ])('%s is 400 naming the field', async (_what, name, code) => {
    expect(problemOf(await register(name))).toEqual({ status: 400, code, fields: ['eventName'] })
  })

  it.each(['__proto__', 'constructor', 'toString', 'prototype', 'hasOwnProperty', 'a'.repeat(128)])(
    '%s is a name: nobody has it until somebody registers',
    async (name) => {
      const before = await api.call('POST', `/api/v0/trigger-event/${name}`)
      expect([before.status, before.json['deliveries']]).toEqual([202, 0])
      expect(before.json['hint']).toContain(`"${name}"`)
      expect((await register(name)).status).toBe(201)
      const after = await api.call('POST', `/api/v0/trigger-event/${name}`)
      expect(after.json).toMatchObject({ eventName: name, deliveries: 1 })
      expect(after.json).not.toHaveProperty('hint')
    },
  )

  it('of which the list stays what it is', async () => {
    const { json } = await api.call('GET', '/api/v0/webhooks?page_size=200')
    expect(json['total']).toBe((json['webhooks'] as unknown[]).length)
  })
})

describe('names that begin with broker.', () => {
  it('can be registered for and not be triggered', async () => {
    expect((await register('broker.webhook_disabled')).status).toBe(201)
    const answer = await api.call('POST', '/api/v0/trigger-event/broker.webhook_disabled')
    expect(problemOf(answer)).toEqual({
      status: 400,
      code: 'reserved_event_name',
      fields: ['eventName'],
    })
  })
})
