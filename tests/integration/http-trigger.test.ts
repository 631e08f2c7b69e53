// The trigger as a caller sees it: which bodies are taken, kept as they are, and which keys make two triggers one.

import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KEYS, problemOf, startApi, type TestApi } from '../support/api-kit.ts'

let api: TestApi
beforeAll(async () => {
  api = await startApi({ BROKER_MAX_PAYLOAD_BYTES: '1000' })
  await api.call('POST', '/api/v0/webhooks', {
    json: { eventName: 't.body', webhookUrl: 'http://127.0.0.1:4000/h' },
  })
})
afterAll(() => api.close())

type Sent = { body?: NonNullable<RequestInit['body']>; headers?: Record<string, string> }
const trigger = (sent: Sent = {}, eventName = 't.body') =>
  api.call('POST', `/api/v0/trigger-event/${eventName}`, sent)

const JSON_TYPE = { 'content-type': 'application/json' }
const bytes = (text: string) => new TextEncoder().encode(text)

const rows = async (): Promise<number> => {
  const [row] = await api.schema.sql<{ n: number }>('select count(*)::int as n from messages')
  return row?.n ?? -1
}
const payloadOf = async (id: unknown) => {
  const { json } = await api.call('GET', `/api/v0/messages/${String(id)}`)
  return [json['payload'], json['contentType'], json['size']]
}

// O-BODY-4: an unusual or missing content type made the body silently empty.
describe('a body that is taken', () => {
  it.each<[string, Sent, string, string]>([
    ['(a) none', {}, '{}', 'application/json'],
    ['(b) {}', { body: '{}', headers: JSON_TYPE }, '{}', 'application/json'],
    ['(c) null', { body: 'null', headers: JSON_TYPE }, 'null', 'application/json'],
    ['(d) a list', { body: '[1]', headers: JSON_TYPE }, '[1]', 'application/json'],
    ['(e) without a content type', { body: bytes('{"a":1}') }, '{"a":1}', 'application/json'],
    [
      '(f) an event of another format',
      {
        body: '{"id":"1"}',
        headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
      },
      '{"id":"1"}',
      'application/cloudevents+json; charset=utf-8',
    ],
    ['a bare number', { body: '0', headers: JSON_TYPE }, '0', 'application/json'],
    ['a bare text', { body: '""', headers: JSON_TYPE }, '""', 'application/json'],
    ['with blanks around', { body: ' {} \n', headers: JSON_TYPE }, ' {} \n', 'application/json'],
    // O-BODY-1: parsing and writing again rounds integers, and keeps one of two equal keys.
    [
      'with what no parser keeps',
      { body: '{"id":12345678901234567890,"a":1.0,"e":1e400,"k":1,"k":2}', headers: JSON_TYPE },
      '{"id":12345678901234567890,"a":1.0,"e":1e400,"k":1,"k":2}',
      'application/json',
    ],
    // O-BODY-5: jsonb takes no NUL, so the event was lost.
    [
      'with an escaped NUL',
      { body: '{"s":"a\\u0000b"}', headers: JSON_TYPE },
      '{"s":"a\\u0000b"}',
      'application/json',
    ],
    [
      'in Polish',
      { body: '{"t":"żółć 🙂"}', headers: JSON_TYPE },
      '{"t":"żółć 🙂"}',
      'application/json',
    ],
  ])('%s is kept as it is', async (...[, sent, payload, contentType]) => {
    const answer = await trigger(sent)
    expect([answer.status, answer.json['deliveries']]).toEqual([202, 1])
    expect(await payloadOf(answer.json['messageId'])).toEqual([
      payload,
      contentType,
      Buffer.byteLength(payload),
    ])
  })
})

describe('a body that is refused', () => {
  it.each<[string, Sent, number, string]>([
    [
      '(g) text/plain',
      { body: '{}', headers: { 'content-type': 'text/plain' } },
      415,
      'unsupported_media_type',
    ],
    [
      'a form',
      { body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'unsupported_media_type',
    ],
    [
      'a type that only begins like JSON',
      { body: '{}', headers: { 'content-type': 'application/jsonp' } },
      415,
      'unsupported_media_type',
    ],
    [
      'gzip',
      { body: '{}', headers: { ...JSON_TYPE, 'content-encoding': 'gzip' } },
      415,
      'unsupported_media_type',
    ],
    [
      'identity',
      { body: '{}', headers: { ...JSON_TYPE, 'content-encoding': 'identity' } },
      415,
      'unsupported_media_type',
    ],
    ['(h) {bad', { body: '{bad', headers: JSON_TYPE }, 400, 'invalid_json'],
    ['two values', { body: '{}{}', headers: JSON_TYPE }, 400, 'invalid_json'],
    ['blanks alone', { body: '  ', headers: JSON_TYPE }, 400, 'invalid_json'],
    ['(i) a BOM', { body: bytes('\uFEFF{}'), headers: JSON_TYPE }, 400, 'invalid_encoding'],
    [
      'Latin-1',
      { body: new Uint8Array([0x22, 0xe9, 0x22]), headers: JSON_TYPE },
      400,
      'invalid_encoding',
    ],
    [
      'half a surrogate',
      { body: new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), headers: JSON_TYPE },
      400,
      'invalid_encoding',
    ],
    ['a raw NUL', { body: '"a\0"', headers: JSON_TYPE }, 400, 'invalid_json'],
  ])('%s leaves no message behind', async (...[, sent, status, code]) => {
    const before = await rows()
    expect(problemOf(await trigger(sent))).toEqual({ status, code, fields: [] })
    expect(await rows()).toBe(before)
    // The control: a message would have been seen.
    expect((await trigger()).status).toBe(202)
    expect(await rows()).toBe(before + 1)
  })
})

describe('the limit', () => {
  const ofSize = (size: number) => JSON.stringify('x'.repeat(size - 2))
  const stream = (text: string) =>
    new ReadableStream({
      start: (controller) => {
        for (let at = 0; at < text.length; at += 100) {
          controller.enqueue(bytes(text.slice(at, at + 100)))
        }
        controller.close()
      },
    })
  const TOO_LARGE = { status: 413, code: 'payload_too_large', fields: [] }

  it('takes as much as it says, declared or streamed', async () => {
    expect((await trigger({ body: ofSize(1_000), headers: JSON_TYPE })).status).toBe(202)
    expect((await trigger({ body: stream(ofSize(1_000)), headers: JSON_TYPE })).status).toBe(202)
  })

  it('refuses a byte more, declared or streamed', async () => {
    expect(problemOf(await trigger({ body: ofSize(1_001), headers: JSON_TYPE }))).toEqual(TOO_LARGE)
    expect(problemOf(await trigger({ body: stream(ofSize(1_001)), headers: JSON_TYPE }))).toEqual(
      TOO_LARGE,
    )
  })

  it('counts bytes, not characters', async () => {
    const body = JSON.stringify('é'.repeat(500))
    expect(body).toHaveLength(502)
    expect(problemOf(await trigger({ body, headers: JSON_TYPE }))).toEqual(TOO_LARGE)
  })

  it('is judged before the body: a declared terabyte is refused before it comes', async () => {
    const { hostname, port } = new URL(api.url)
    const socket = connect(Number(port), hostname)
    socket.write(
      'POST /api/v0/trigger-event/t.body HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n' +
        `authorization: Bearer ${KEYS.full}\r\ncontent-length: 1000000000000\r\n\r\n`,
    )
    const answer = await new Promise<string>((resolve, reject) => {
      socket.once('data', (data) => resolve(data.toString()))
      socket.once('error', reject)
    })
    socket.destroy()
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('is judged by the type before the size', async () => {
    const sent = { body: ofSize(2_000), headers: { ...JSON_TYPE, 'content-encoding': 'gzip' } }
    expect(problemOf(await trigger(sent)).status).toBe(415)
  })
})

describe('the answer', () => {
  it('of a match is the message, the name and the count', async () => {
    const { status, json } = await trigger()
    expect(status).toBe(202)
    expect(json).toEqual({
      messageId: expect.stringMatching(/^msg_[0-9a-z]{26}$/) as string,
      eventName: 't.body',
      deliveries: 1,
    })
  })

  it('without a match says so, and keeps the message', async () => {
    const { status, json } = await trigger({}, 'nobody.listens')
    expect([status, json['deliveries']]).toEqual([202, 0])
    expect(json['hint']).toBe(
      'no enabled webhook is registered for "nobody.listens"; the message is kept and delivered to nobody',
    )
    const message = await api.call('GET', `/api/v0/messages/${String(json['messageId'])}`)
    expect(message.json).toMatchObject({ eventName: 'nobody.listens', deliveries: [] })
  })
})
