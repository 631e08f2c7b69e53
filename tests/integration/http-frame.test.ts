// What every answer has in common: who may ask, in which order a request is judged, ids, problems, and no CORS.

import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KEYS, problemOf, startApi, type Answer, type TestApi } from '../support/api-kit.ts'

let api: TestApi
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

type Raw = { status: number; headers: Record<string, unknown>; body: string }

/** With headers that fetch would refuse or join: several of one name, bytes beyond ASCII. */
const raw = (method: string, path: string, headers: [string, string][]): Promise<Raw> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(api.url)
    const options = { hostname, port, path, method, headers: headers.flat() }
    request(options, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (body += part))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
      })
    })
      .on('error', reject)
      .end()
  })

const UNAUTHORIZED = { status: 401, code: 'unauthorized', fields: [] }

// O-SEC-1: timingSafeEqual throws on unequal byte lengths: 500, or the end of the process.
describe('a key that is none', () => {
  it.each<[string, [string, string][]]>([
    ['none', []],
    ['empty', [['authorization', '']]],
    ['the word alone', [['authorization', 'Bearer']]],
    ['one character', [['authorization', 'Bearer x']]],
    ['of the right length', [['authorization', `Bearer ${'x'.repeat(KEYS.full.length)}`]]],
    ['of 10,000 characters', [['authorization', `Bearer ${'x'.repeat(10_000)}`]]],
    ['é to the right length', [['authorization', `Bearer ${'é'.repeat(KEYS.full.length)}`]]],
    [
      'given twice',
      [
        ['authorization', `Bearer ${KEYS.full}`],
        ['authorization', `Bearer ${KEYS.full}`],
      ],
    ],
    ['of another scheme', [['authorization', `Basic ${KEYS.full}`]]],
    ['in another header', [['x-api-key', KEYS.full]]],
  ])('%s: 401 each time, and the next good call works', async (_what, headers) => {
    for (const [method, path] of [
      ['GET', '/api/v0/webhooks'],
      ['POST', '/api/v0/trigger-event/a'],
      ['GET', '/api/v0/deliveries'],
    ] as const) {
      const answer = await raw(method, path, [['host', 'x'], ...headers])
      const body = JSON.parse(answer.body) as Record<string, unknown>
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer'])
      expect({ ...body, requestId: '' }).toEqual({
        type: 'urn:webhook-broker:problem:unauthorized',
        title: 'No valid API key',
        status: 401,
        code: 'unauthorized',
        detail: 'send a valid key in the header "Authorization: Bearer <key>"',
        errors: [],
        requestId: '',
      })
    }
    expect((await api.call('GET', '/api/v0/webhooks')).status).toBe(200)
  })
})

describe('a request is judged in order', () => {
  it('by its key before its path, its method, its encoding, its type and its body', async () => {
    for (const [method, path, body] of [
      ['GET', '/api/v0/nothing', undefined],
      ['GET', '/api/v0', undefined],
      ['GET', '/api/v0/', undefined],
      ['PUT', '/api/v0/webhooks', undefined],
      ['OPTIONS', '/api/v0/webhooks', undefined],
      ['GET', '/api/v0/webhooks/%E0%A4%A', undefined],
      ['GET', '/api/v0/webhooks?page_size=0', undefined],
      ['POST', '/api/v0/webhooks', '{bad'],
      ['POST', '/api/v0/trigger-event/a', 'x'.repeat(300_000)],
      ['POST', '/api/v0/trigger-event/no%20name', '{}'],
    ] as const) {
      const answer = await api.call(method, path, {
        key: null,
        ...(body === undefined ? {} : { body }),
      })
      expect([method, path, problemOf(answer)]).toEqual([method, path, UNAUTHORIZED])
    }
  })

  it('with a key: an unknown path is 404', async () => {
    for (const path of [
      '/api/v0',
      '/api/v0/',
      '/api/v0/nothing',
      '/api/v0/webhooks/',
      '/nothing',
    ]) {
      expect(problemOf(await api.call('GET', path))).toEqual({
        status: 404,
        code: 'not_found',
        fields: [],
      })
    }
  })

  it.each([
    ['PUT', '/api/v0/webhooks', 'GET, POST'],
    ['DELETE', '/api/v0/webhooks', 'GET, POST'],
    ['OPTIONS', '/api/v0/webhooks', 'GET, POST'],
    ['POST', '/api/v0/webhooks/a', 'GET'],
    ['PUT', '/api/v0/webhooks/a/b', 'DELETE, GET, PATCH'],
    ['GET', '/api/v0/webhooks/a/b/test', 'POST'],
    ['GET', '/api/v0/trigger-event/a', 'POST'],
    ['POST', '/api/v0/deliveries', 'GET'],
    ['DELETE', '/api/v0/audit', 'GET'],
    ['POST', '/healthz', 'GET'],
  ])('%s %s is 405 and takes %s', async (method, path, allow) => {
    const answer = await api.call(method, path)
    expect(problemOf(answer)).toEqual({ status: 405, code: 'method_not_allowed', fields: [] })
    expect(answer.headers.get('allow')).toBe(allow)
  })

  it('by its scope before its body', async () => {
    const answer = await api.call('POST', '/api/v0/webhooks', { key: KEYS.read, body: '{bad' })
    expect(problemOf(answer)).toEqual({ status: 403, code: 'forbidden', fields: [] })
  })

  it('a path that only looks like the API is outside it, and finds nothing', async () => {
    for (const path of ['//api/v0/webhooks', '/API/v0/webhooks', '/%61pi/v0/webhooks']) {
      expect((await raw('GET', path, [['host', 'x']])).status).toBe(404)
    }
  })
})

describe('every answer', () => {
  const everything = async (headers: Record<string, string>): Promise<Answer[]> => [
    await api.call('GET', '/api/v0/webhooks', { headers }),
    await api.call('POST', '/api/v0/trigger-event/a', { headers }),
    await api.call('GET', '/api/v0/webhooks?page_size=0', { headers }),
    await api.call('GET', '/api/v0/webhooks', { headers, key: null }),
    await api.call('GET', '/api/v0/nothing', { headers }),
    await api.call('PUT', '/api/v0/webhooks', { headers }),
    await api.call('OPTIONS', '/api/v0/webhooks', {
      headers: { ...headers, 'access-control-request-method': 'POST' },
    }),
    await api.call('OPTIONS', '/api/v0/webhooks', { headers, key: null }),
    await api.call('GET', '/healthz', { headers, key: null }),
    await api.call('GET', '/docs', { headers, key: null }),
    await api.call('GET', '/', { headers, key: null }),
    await api.call('GET', '/nothing', { headers, key: null }),
  ]

  it('carries a request id of its own, the same as in the problem', async () => {
    const answers = await everything({})
    const ids = answers.map(({ headers }) => headers.get('x-request-id'))
    for (const id of ids) expect(id).toMatch(/^req_[0-9a-z]{26}$/)
    expect(new Set(ids).size).toBe(answers.length)
    for (const { json, headers } of answers.filter(({ status }) => status >= 400)) {
      expect(json['requestId']).toBe(headers.get('x-request-id'))
    }
  })

  it('carries the id of the caller where that is a sane one', async () => {
    for (const { headers } of await everything({ 'x-request-id': 'trace-0123.abc_X' })) {
      expect(headers.get('x-request-id')).toBe('trace-0123.abc_X')
    }
    for (const id of ['short', 'x'.repeat(129), 'has blanks in it', '<script>alert(1)</script>']) {
      const { headers } = await api.call('GET', '/healthz', { headers: { 'x-request-id': id } })
      expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-z]{26}$/)
    }
  })

  // O-SEC-4: only 200 carried the headers, so browsers hid the real errors. Here nothing carries them: CORS is off.
  it('carries no header of CORS, whatever the origin', async () => {
    for (const { headers } of await everything({ origin: 'https://app.example' })) {
      const names = [...headers.keys()].filter((name) => name.startsWith('access-control-'))
      expect(names).toEqual([])
    }
  })

  it('that is an error is a problem document', async () => {
    for (const { status, headers, json } of await everything({})) {
      if (status < 400) continue
      expect(headers.get('content-type')).toBe('application/problem+json')
      expect(Object.keys(json).sort()).toEqual(
        ['type', 'title', 'status', 'code', 'detail', 'errors', 'requestId'].sort(),
      )
      expect(json['status']).toBe(status)
    }
  })
})

describe('outside the API', () => {
  it('needs no key: health, readiness, the document, its page', async () => {
    const get = (path: string) => api.call('GET', path, { key: null })
    expect((await get('/healthz')).json).toEqual({ status: 'ok' })
    expect((await get('/readyz')).json).toEqual({ status: 'ready', degraded: [] })
    expect((await get('/openapi.json')).json).toMatchObject({ openapi: '3.1.0' })
    const root = await get('/')
    expect([root.status, root.headers.get('location')]).toEqual([302, '/dashboard/'])
  })

  it('metrics are anybody’s on a loopback host', async () => {
    const answer = await api.call('GET', '/metrics', { key: null })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toContain('text/plain')
    expect(answer.text).toMatch(/^webhook_broker_messages_accepted_total \d+$/m)
  })

  it('metrics need a key on any other host, of whatever scope; health does not', async () => {
    const open = await startApi({ HOST: '0.0.0.0' })
    expect(problemOf(await open.call('GET', '/metrics', { key: null }))).toEqual(UNAUTHORIZED)
    expect(problemOf(await open.call('GET', '/metrics', { key: 'wrong' }))).toEqual(UNAUTHORIZED)
    expect((await open.call('GET', '/metrics', { key: KEYS.trigger })).status).toBe(200)
    expect((await open.call('GET', '/healthz', { key: null })).status).toBe(200)
    await open.close()
  })

  it('the page names every route, runs no script and loads from nowhere else', async () => {
    const page = await api.call('GET', '/docs', { key: null })
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page.text).not.toMatch(/<script|(?:src|href|url\()=?"?https?:|\son\w+=/i)
    const { json } = await api.call('GET', '/openapi.json', { key: null })
    for (const path of Object.keys(json['paths'] as object)) expect(page.text).toContain(path)
    // An example of each, to paste.
    expect(page.text.match(/<pre><code>curl -s /g)).toHaveLength(
      Object.values(json['paths'] as object).flatMap((methods: object) => Object.keys(methods))
        .length,
    )
  })
})
