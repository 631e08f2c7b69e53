// The typed client: what it sends, what it repeats and when it stops, against a receiver that answers as it is told;
// then against the broker itself.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ApiError, makeClient, UnreachableError, type ClientOptions } from '../../client/client.ts'
import { DEFAULT_RETRY } from '../../client/retry.ts'
import { KEY, KEYS, startApi, type TestApi } from '../support/api-kit.ts'
import { startReceiver, type Answer, type Receiver } from '../support/receiver.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const ACCEPTED = { messageId: 'msg_1', eventName: 'upload_image', deliveries: 1 }

const accept: Answer = (_request, response) =>
  response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify(ACCEPTED))

/** Answers in turn, the last one for ever. */
const inTurn = (...answers: Answer[]): Answer => {
  let next = 0
  return (request, response) => {
    const answer = answers[Math.min(next, answers.length - 1)] ?? 500
    next += 1
    if (typeof answer === 'number') response.writeHead(answer).end()
    else answer(request, response)
  }
}

describe('against a server that answers as it is told', () => {
  let server: Receiver
  beforeEach(async () => {
    server = await startReceiver()
  })
  afterEach(() => server.close())

  const client = (options: Partial<ClientOptions> = {}) =>
    makeClient({
      baseUrl: server.url,
      apiKey: 'k1',
      retry: { baseDelayMs: 1, maxDelayMs: 20 },
      ...options,
    })
  const keys = () => server.received.map(({ headers }) => headers['idempotency-key'])

  it('sends the payload as JSON with the key of the API and a fresh Idempotency-Key', async () => {
    server.answer = accept

    expect(await client().trigger('upload_image', { name: 'cat.png' })).toEqual(ACCEPTED)
    await client().trigger('upload_image', { name: 'cat.png' })

    const [first] = server.received
    expect(first).toMatchObject({ method: 'POST', url: '/api/v0/trigger-event/upload_image' })
    expect(first?.headers).toMatchObject({
      authorization: 'Bearer k1',
      'content-type': 'application/json',
    })
    expect(first?.body.toString()).toBe('{"name":"cat.png"}')
    expect(keys()).toEqual([expect.stringMatching(UUID), expect.stringMatching(UUID)])
    expect(new Set(keys()).size).toBe(2)
  })

  it('sends bytes as they are, a text as a JSON string, and nothing for no payload', async () => {
    server.answer = accept
    const bytes = new TextEncoder().encode('{ "size": 12345678901234567890 }')

    await client().trigger('e', bytes)
    await client().trigger('e', 'hello')
    await client().trigger('e')

    expect(server.received.map(({ body }) => body.toString())).toEqual([
      '{ "size": 12345678901234567890 }',
      '"hello"',
      '',
    ])
    await expect(client().trigger('e', () => 1)).rejects.toThrow(TypeError)
    expect(server.received).toHaveLength(3)
  })

  it('repeats 429, 502, 503, 504 and a broken connection with the same key and the same bytes', async () => {
    const cut: Answer = (_request, response) => response.socket?.destroy()
    server.answer = inTurn(503, 429, cut, 502, 504, accept)

    expect(
      await client({ retry: { baseDelayMs: 1, attempts: 6 } }).trigger('upload_image', { n: 1 }),
    ).toEqual(ACCEPTED)

    expect(server.received.map(({ body }) => body.toString())).toEqual(Array(6).fill('{"n":1}'))
    expect(new Set(keys()).size).toBe(1)
  })

  it('uses the key that it is given, also through POST', async () => {
    server.answer = inTurn(503, accept, accept)

    await client().trigger('e', 1, { idempotencyKey: 'order-17' })
    await client().POST('/api/v0/trigger-event/{eventName}', {
      params: { path: { eventName: 'e' } },
    })

    expect(keys().slice(0, 2)).toEqual(['order-17', 'order-17'])
    expect(keys()[2]).toMatch(UUID)
  })

  it('gives up after the last try: with the answer, or with the error of the connection', async () => {
    server.answer = 503
    const error = await client({ retry: { attempts: 3, baseDelayMs: 1 } })
      .trigger('e')
      .catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 503, code: 'unknown' })
    expect(server.received).toHaveLength(3)

    await server.close()
    const cut = await client({ retry: { attempts: 2, baseDelayMs: 1 } })
      .trigger('e')
      .catch((caught: unknown) => caught)
    expect(cut).toBeInstanceOf(UnreachableError)
    expect(cut).toMatchObject({ attempts: 2, message: `no answer from ${server.url} in 2 tries` })
  })

  it('does not repeat what was refused for good', async () => {
    for (const status of [400, 401, 404, 422, 500]) {
      server.answer = status
      await expect(client().trigger('e')).rejects.toMatchObject({ status })
    }
    expect(server.received).toHaveLength(5)
  })

  it('repeats a POST without a key only when the answer says that nothing was done', async () => {
    const rotate = () =>
      client().POST('/api/v0/webhooks/{eventName}/{id}/rotate-secret', {
        params: { path: { eventName: 'e', id: 'wh_1' } },
      })
    server.answer = 503
    expect((await rotate()).response.status).toBe(503)
    expect(server.received).toHaveLength(1)

    server.answer = (_request, response) => response.socket?.destroy()
    await expect(rotate()).rejects.toMatchObject({ name: 'UnreachableError', attempts: 1 })
    expect(server.received).toHaveLength(2)

    server.answer = inTurn(429, 200)
    expect((await rotate()).response.status).toBe(200)
    expect(server.received).toHaveLength(4)
  })

  it('repeats a try that got no answer in time', async () => {
    server.answer = inTurn(() => undefined, accept)
    expect(
      await client({ retry: { timeoutMs: 100, baseDelayMs: 1 } }).trigger('upload_image'),
    ).toEqual(ACCEPTED)
    expect(new Set(keys()).size).toBe(1)
  })

  it('ends at once when its caller gives up, during a try and during a wait', async () => {
    const duringTry = new AbortController()
    server.answer = () => duringTry.abort(new Error('enough'))
    await expect(client().trigger('e', 1, { signal: duringTry.signal })).rejects.toThrow('enough')

    const duringWait = new AbortController()
    server.answer = (_request, response) => {
      response.writeHead(503).end(() => setImmediate(() => duringWait.abort(new Error('enough'))))
    }
    const waiting = client({ retry: { baseDelayMs: 3_600_000, maxDelayMs: 3_600_000 } })
    await expect(waiting.trigger('e', 1, { signal: duringWait.signal })).rejects.toThrow('enough')
    expect(server.received).toHaveLength(2)
  })

  it('says how often, and refuses a number of tries that is none', () => {
    expect(() => client({ retry: { attempts: 0 } })).toThrow(RangeError)
    expect(DEFAULT_RETRY).toEqual({
      attempts: 5,
      baseDelayMs: 200,
      maxDelayMs: 10_000,
      timeoutMs: 30_000,
    })
  })
})

describe('against the broker', () => {
  let api: TestApi
  beforeAll(async () => {
    api = await startApi()
  })
  afterAll(() => api.close())

  const client = (apiKey: string = KEY) => makeClient({ baseUrl: `${api.url}/`, apiKey })

  it('registers, lists, triggers and reads, with types', async () => {
    const registered = await client().POST('/api/v0/webhooks', {
      body: { eventName: 'typed', webhookUrl: 'http://127.0.0.1:4000/hook' },
    })
    expect(registered.response.status).toBe(201)
    const listed = await client().GET('/api/v0/webhooks/{eventName}', {
      params: { path: { eventName: 'typed' }, query: { page_size: 1 } },
    })
    expect(listed.data?.webhooks).toMatchObject([{ id: registered.data?.id, eventName: 'typed' }])

    const accepted = await client().trigger('typed', { n: 1 })
    expect(accepted).toMatchObject({ eventName: 'typed', deliveries: 1 })
    const { data } = await client().GET('/api/v0/deliveries', {
      params: { query: { messageId: accepted.messageId } },
    })
    expect(data?.deliveries).toMatchObject([{ eventName: 'typed', status: 'pending' }])
  })

  it('gets the first answer again for the same key, and a refusal for another body under it', async () => {
    const first = await client().trigger('once', { n: 1 }, { idempotencyKey: 'order-18' })
    const second = await client().trigger('once', { n: 1 }, { idempotencyKey: 'order-18' })
    expect(second.messageId).toBe(first.messageId)
    await expect(
      client().trigger('once', { n: 2 }, { idempotencyKey: 'order-18' }),
    ).rejects.toMatchObject({
      name: 'ApiError',
      status: 422,
      code: 'idempotency_key_reused',
      requestId: expect.stringMatching(/^req_/) as string,
    })
  })

  it('says what was wrong with a key, a scope and a name', async () => {
    await expect(client('nonsense').trigger('e')).rejects.toMatchObject({
      status: 401,
      code: 'unauthorized',
    })
    await expect(client(KEYS.read).trigger('e')).rejects.toMatchObject({
      status: 403,
      code: 'forbidden',
      message: 'this needs a key with the scope "trigger"',
    })
    await expect(client().trigger('no/name')).rejects.toMatchObject({ code: 'invalid_event_name' })
  })
})
