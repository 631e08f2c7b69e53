// One webhook from its registration to its removal, over the API, Postgres and Redis.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KEYS, problemOf, startApi, type CallOptions, type TestApi } from '../support/api-kit.ts'

let api: TestApi
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

let serial = 0
/** Registers a webhook of an event of its own. */
const register = async (more: Record<string, unknown> = {}, key: string = KEYS.full) => {
  serial += 1
  const eventName = `manage.${serial}`
  const webhookUrl = `http://127.0.0.1:4000/${serial}`
  const answer = await api.call('POST', '/api/v0/webhooks', {
    key,
    json: { eventName, webhookUrl, ...more },
  })
  expect(answer.status).toBe(201)
  const id = String(answer.json['id'])
  const path = `/api/v0/webhooks/${eventName}/${id}`
  return { eventName, webhookUrl, id, path, created: answer.json }
}

const trigger = async (eventName: string) => {
  const { json } = await api.call('POST', `/api/v0/trigger-event/${eventName}`)
  return { messageId: String(json['messageId']), deliveries: json['deliveries'] }
}

const NOT_FOUND = { status: 404, code: 'not_found', fields: [] }
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

describe('registering', () => {
  it('answers with the whole webhook and, this once, its secret', async () => {
    const { created, eventName, webhookUrl } = await register()
    expect(created).toEqual({
      id: expect.stringMatching(/^wh_[0-9a-z]{26}$/) as string,
      eventName,
      webhookUrl,
      status: 'enabled',
      disabledReason: null,
      description: null,
      headers: {},
      timeoutMs: null,
      rateLimit: null,
      maxInFlight: null,
      createdAt: expect.stringMatching(TIME) as string,
      updatedAt: expect.stringMatching(TIME) as string,
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/) as string,
    })
  })

  it('keeps what was given, header names in lower case', async () => {
    const given = {
      description: 'thumbnails',
      headers: { 'X-Team': 'media' },
      timeoutMs: 60_000,
      rateLimit: { limit: 5, perSeconds: 60 },
      maxInFlight: 3,
    }
    const { path } = await register(given)
    expect((await api.call('GET', path)).json).toMatchObject({
      ...given,
      headers: { 'x-team': 'media' },
    })
  })

  it('again is the same webhook: 200, as it was, without a secret', async () => {
    const { eventName, webhookUrl, id, created } = await register({ description: 'first' })
    const again = await api.call('POST', '/api/v0/webhooks', {
      json: {
        eventName,
        webhookUrl: webhookUrl.replace('http://127.0.0.1:4000/', 'HTTP://127.0.0.1:4000/x/../'),
        description: 'second',
      },
    })
    expect(again.json).not.toHaveProperty('secret')
    expect([again.status, { ...again.json, secret: created['secret'] }]).toEqual([200, created])
    expect(again.json['id']).toBe(id)
  })

  it.each([
    ['a literal that must not be called', 'http://169.254.169.254/x', 'forbidden_address'],
    ['a loopback beside the allowed one', 'http://127.0.0.2/x', 'forbidden_address'],
    ['another scheme', 'ftp://example.com/x', 'invalid_url'],
    ['credentials', 'http://user:pw@example.com/x', 'invalid_url'],
    ['port 0', 'http://example.com:0/x', 'invalid_url'],
    ['no URL', 'example.com', 'invalid_url'],
    ['an empty text', '', 'invalid_url'],
  ])('%s is 400 naming the field', async (_what, webhookUrl, code) => {
    const answer = await api.call('POST', '/api/v0/webhooks', {
      json: { eventName: 'refused', webhookUrl },
    })
    expect(problemOf(answer)).toEqual({ status: 400, code, fields: ['webhookUrl'] })
    expect((await api.call('GET', '/api/v0/webhooks/refused')).json['total']).toBe(0)
  })
})

describe('changing', () => {
  it('changes what is named and leaves the rest', async () => {
    const { path, created } = await register({ description: 'a', timeoutMs: 1_000 })
    const changed = await api.call('PATCH', path, { json: { timeoutMs: null, maxInFlight: 7 } })
    expect(changed.status).toBe(200)
    expect(changed.json).toMatchObject({ description: 'a', timeoutMs: null, maxInFlight: 7 })
    expect(changed.json).not.toHaveProperty('secret')
    expect((await api.call('GET', path)).json).toEqual(changed.json)
    expect(changed.json['createdAt']).toBe(created['createdAt'])
  })

  it('with nothing changes nothing', async () => {
    const { path, created } = await register({ description: 'a' })
    const { json } = await api.call('PATCH', path, { json: {} })
    const { secret, updatedAt } = created
    expect({ ...json, secret, updatedAt }).toEqual(created)
  })

  it('what is decided at the registration is 400', async () => {
    const { path } = await register()
    for (const name of ['eventName', 'webhookUrl', 'secret', 'id', 'tenant']) {
      const answer = await api.call('PATCH', path, { json: { [name]: 'x' } })
      expect(problemOf(answer)).toEqual({ status: 400, code: 'invalid_request', fields: [name] })
    }
  })

  it('disabled gets no deliveries, enabled gets them again', async () => {
    const { path, eventName } = await register()
    const disabled = await api.call('PATCH', path, { json: { status: 'disabled' } })
    expect(disabled.json).toMatchObject({ status: 'disabled', disabledReason: 'manual' })
    expect((await trigger(eventName)).deliveries).toBe(0)
    const enabled = await api.call('PATCH', path, { json: { status: 'enabled' } })
    expect(enabled.json).toMatchObject({ status: 'enabled', disabledReason: null })
    expect((await trigger(eventName)).deliveries).toBe(1)
  })
})

describe('removing', () => {
  it('is 204 once, and then there is nothing', async () => {
    const { path, eventName } = await register()
    const removed = await api.call('DELETE', path)
    expect([removed.status, removed.text]).toEqual([204, ''])
    for (const [method, options] of [
      ['GET', {}],
      ['DELETE', {}],
      ['PATCH', { json: {} }],
    ] as [string, CallOptions][]) {
      expect(problemOf(await api.call(method, path, options))).toEqual(NOT_FOUND)
    }
    expect(problemOf(await api.call('POST', `${path}/rotate-secret`))).toEqual(NOT_FOUND)
    expect(problemOf(await api.call('POST', `${path}/test`))).toEqual(NOT_FOUND)
    expect((await api.call('GET', `/api/v0/webhooks/${eventName}`)).json['total']).toBe(0)
    expect((await trigger(eventName)).deliveries).toBe(0)
  })

  it('and registering again makes a new webhook with a new secret', async () => {
    const { path, eventName, webhookUrl, id, created } = await register()
    await api.call('DELETE', path)
    const again = await api.call('POST', '/api/v0/webhooks', { json: { eventName, webhookUrl } })
    expect(again.status).toBe(201)
    expect(again.json['id']).not.toBe(id)
    expect(again.json['secret']).not.toBe(created['secret'])
    expect((await trigger(eventName)).deliveries).toBe(1)
  })
})

describe('rotating the secret', () => {
  it('shows the new one, this once', async () => {
    const { path, created } = await register()
    const rotated = await api.call('POST', `${path}/rotate-secret`)
    expect(rotated.status).toBe(200)
    expect(rotated.json['secret']).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(rotated.json['secret']).not.toBe(created['secret'])
    expect((await api.call('GET', path)).json).not.toHaveProperty('secret')
  })
})

describe('a test event', () => {
  it('goes to this webhook alone', async () => {
    const { path, eventName, id } = await register()
    await api.call('POST', '/api/v0/webhooks', {
      json: { eventName, webhookUrl: 'http://127.0.0.1:4000/neighbour' },
    })
    const answer = await api.call('POST', `${path}/test`)
    expect([answer.status, answer.json['deliveries']]).toEqual([202, 1])
    const message = await api.call('GET', `/api/v0/messages/${String(answer.json['messageId'])}`)
    expect(message.json['payload']).toBe(JSON.stringify({ test: true, eventName, webhookId: id }))
    expect(message.json['deliveries']).toMatchObject([{ webhookId: id, eventName }])
  })

  it('to a disabled webhook is 409', async () => {
    const { path } = await register()
    await api.call('PATCH', path, { json: { status: 'disabled' } })
    expect(problemOf(await api.call('POST', `${path}/test`))).toEqual({
      status: 409,
      code: 'conflict',
      fields: [],
    })
  })
})

describe('a webhook of another tenant', () => {
  it('is not found, not listed and not triggered', async () => {
    const { path, eventName } = await register()
    const key = KEYS.other
    expect(problemOf(await api.call('GET', path, { key }))).toEqual(NOT_FOUND)
    expect(problemOf(await api.call('PATCH', path, { key, json: {} }))).toEqual(NOT_FOUND)
    expect(problemOf(await api.call('DELETE', path, { key }))).toEqual(NOT_FOUND)
    expect(problemOf(await api.call('POST', `${path}/rotate-secret`, { key }))).toEqual(NOT_FOUND)
    expect(problemOf(await api.call('POST', `${path}/test`, { key }))).toEqual(NOT_FOUND)
    const listed = await api.call('GET', `/api/v0/webhooks/${eventName}`, { key })
    expect(listed.json).toMatchObject({ webhooks: [], total: 0 })
    const triggered = await api.call('POST', `/api/v0/trigger-event/${eventName}`, { key })
    expect(triggered.json['deliveries']).toBe(0)
    // The control: to its own tenant it is all there.
    expect((await api.call('GET', path)).status).toBe(200)
  })

  it('of the same event and URL is another webhook', async () => {
    const { eventName, webhookUrl, id } = await register()
    const theirs = await api.call('POST', '/api/v0/webhooks', {
      key: KEYS.other,
      json: { eventName, webhookUrl },
    })
    expect(theirs.status).toBe(201)
    expect(theirs.json['id']).not.toBe(id)
  })
})

describe('a webhook of another event', () => {
  it('is not found under this one', async () => {
    const { id } = await register()
    expect(problemOf(await api.call('GET', `/api/v0/webhooks/another.event/${id}`))).toEqual(
      NOT_FOUND,
    )
  })
})
