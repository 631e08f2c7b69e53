// JSON bodies: every fault is 400 and named, nothing is dropped without a word.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemOf, startApi, type TestApi } from '../support/api-kit.ts'

let api: TestApi
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

describe('a JSON body', () => {
  const GOOD = { eventName: 'a', webhookUrl: 'http://127.0.0.1:4000/h' }
  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    api.call('POST', '/api/v0/webhooks', {
      body,
      headers: { 'content-type': 'application/json', ...headers },
    })

  it.each<[string, unknown, string[]]>([
    ['a field too many', { ...GOOD, colour: 1 }, ['colour']],
    ['two of them', { ...GOOD, colour: 1, size: 2 }, ['colour', 'size']],
    [
      'one inside another',
      { ...GOOD, rateLimit: { limit: 1, perSeconds: 1, per: 1 } },
      ['rateLimit.per'],
    ],
    ['what only the broker sets', { ...GOOD, id: 'wh_1', tenant: 'other' }, ['id', 'tenant']],
    ['nothing', {}, ['eventName', 'webhookUrl']],
    ['a list', [], ['body']],
    ['null', null, ['body']],
    ['a text', 'a', ['body']],
    ['a timeout of 0', { ...GOOD, timeoutMs: 0 }, ['timeoutMs']],
    ['a timeout past a minute', { ...GOOD, timeoutMs: 60_001 }, ['timeoutMs']],
    ['a timeout of 1.5', { ...GOOD, timeoutMs: 1.5 }, ['timeoutMs']],
    ['a text for a number', { ...GOOD, maxInFlight: '5' }, ['maxInFlight']],
    ['half a rate limit', { ...GOOD, rateLimit: { limit: 1 } }, ['rateLimit.perSeconds']],
    ['a NUL in the description', { ...GOOD, description: 'a\0b' }, ['description']],
  ])('with %s is 400 naming the fields', async (_what, body, fields) => {
    expect(problemOf(await post(JSON.stringify(body)))).toEqual({
      status: 400,
      code: 'invalid_request',
      fields,
    })
  })

  // It vanished without a word: assigning it changes a prototype, not a field.
  it('with __proto__ is 400 naming it, at every depth', async () => {
    for (const text of [
      '{"__proto__":{"a":1},"eventName":"a","webhookUrl":"http://127.0.0.1:4000/h"}',
      '{"headers":{"__proto__":"x"},"eventName":"a","webhookUrl":"http://127.0.0.1:4000/h"}',
    ]) {
      expect(problemOf(await post(text))).toEqual({
        status: 400,
        code: 'invalid_request',
        fields: ['__proto__'],
      })
    }
  })

  it.each<[string, string | Uint8Array<ArrayBuffer>, Record<string, string>, number, string]>([
    ['{bad', '{bad', {}, 400, 'invalid_json'],
    ['no body', '', {}, 400, 'invalid_json'],
    ['a BOM', '\uFEFF{}', {}, 400, 'invalid_json'],
    ['Latin-1', new Uint8Array([0x22, 0xe9, 0x22]), {}, 400, 'invalid_encoding'],
    [
      'text/plain',
      JSON.stringify(GOOD),
      { 'content-type': 'text/plain' },
      415,
      'unsupported_media_type',
    ],
    ['gzip', JSON.stringify(GOOD), { 'content-encoding': 'gzip' }, 415, 'unsupported_media_type'],
    ['65 KiB', JSON.stringify('x'.repeat(65 * 1024)), {}, 413, 'payload_too_large'],
  ])('%s is refused', async (...[, body, headers, status, code]) => {
    expect(problemOf(await post(body, headers))).toEqual({ status, code, fields: [] })
  })

  it('needs no content type', async () => {
    const body = new TextEncoder().encode(JSON.stringify(GOOD))
    expect((await api.call('POST', '/api/v0/webhooks', { body })).status).toBe(201)
  })
})
