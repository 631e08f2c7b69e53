// Secrets: shown once, sealed at rest, in no list, line or error; and headers that would replace the broker's own.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemOf, startApi, type Answer, type TestApi } from '../support/api-kit.ts'

let api: TestApi
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

let serial = 0
const register = (more: Record<string, unknown>): Promise<Answer> => {
  serial += 1
  return api.call('POST', '/api/v0/webhooks', {
    json: { eventName: `secret.${serial}`, webhookUrl: 'http://127.0.0.1:4000/h', ...more },
  })
}

const secretOf = (byteCount: number) => `whsec_${Buffer.alloc(byteCount, 9).toString('base64')}`

describe('a secret of the caller’s own', () => {
  it.each([24, 32, 64])('of %i bytes is taken and shown once', async (byteCount) => {
    const created = await register({ secret: secretOf(byteCount) })
    expect([created.status, created.json['secret']]).toEqual([201, secretOf(byteCount)])
  })

  it.each([
    ['of 23 bytes', secretOf(23)],
    ['of 65 bytes', secretOf(65)],
    ['without its prefix', Buffer.alloc(32, 9).toString('base64')],
    ['that is no base64', `whsec_${'!'.repeat(44)}`],
    ['that is empty', ''],
  ])('%s is 400 and not repeated in the answer', async (_what, secret) => {
    const answer = await register({ secret })
    expect(problemOf(answer)).toEqual({ status: 400, code: 'invalid_request', fields: ['secret'] })
    if (secret !== '') expect(answer.text).not.toContain(secret)
  })
})

// O-SEC-2: custom headers, spread after the signed ones, replaced the signature.
describe('a custom header', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['a signature', { 'webhook-signature': 'x' }, 'headers.webhook-signature'],
    ['a message id in capitals', { 'Webhook-Id': 'x' }, 'headers.Webhook-Id'],
    ['a host', { Host: 'x' }, 'headers.Host'],
    ['a length', { 'Content-Length': '1' }, 'headers.Content-Length'],
    ['a content type', { 'content-type': 'text/plain' }, 'headers.content-type'],
    [
      'an encoding of the transfer',
      { 'Transfer-Encoding': 'chunked' },
      'headers.Transfer-Encoding',
    ],
    ['a connection', { connection: 'close' }, 'headers.connection'],
    ['a line break', { 'X-A': 'a\r\nX-B: 1' }, 'headers.X-A'],
    ['a blank in the name', { 'X A': '1' }, 'headers.X A'],
    ['a number', { 'X-N': 5 }, 'headers.X-N'],
    ['what is not ASCII', { 'X-U': '✓' }, 'headers.X-U'],
    ['a NUL', { 'X-Z': 'a\0' }, 'headers.X-Z'],
    ['the same name twice', { 'x-a': '1', 'X-A': '2' }, 'headers.X-A'],
    [
      'one of 200',
      Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`x-${n}`, 'v'])),
      'headers',
    ],
  ])('with %s is 400 naming it', async (_what, headers, field) => {
    const answer = await register({ headers })
    expect(problemOf(answer)).toEqual({ status: 400, code: 'invalid_request', fields: [field] })
  })

  it('is judged again when it is changed', async () => {
    const { json } = await register({})
    const path = `/api/v0/webhooks/${String(json['eventName'])}/${String(json['id'])}`
    const answer = await api.call('PATCH', path, { json: { headers: { 'webhook-id': 'x' } } })
    expect(problemOf(answer).fields).toEqual(['headers.webhook-id'])
    expect((await api.call('GET', path)).json['headers']).toEqual({})
  })
})

describe('BROKER_HTTPS_ONLY', () => {
  it('refuses what begins with http://, whatever its address', async () => {
    const strict = await startApi({ BROKER_HTTPS_ONLY: 'on' })
    const register2 = (webhookUrl: string) =>
      strict.call('POST', '/api/v0/webhooks', { json: { eventName: 'a', webhookUrl } })
    expect(problemOf(await register2('http://example.com/h'))).toEqual({
      status: 400,
      code: 'invalid_url',
      fields: ['webhookUrl'],
    })
    expect((await register2('https://example.com/h')).status).toBe(201)
    await strict.close()
  })
})
