// What receivers rely on: a request is believed only with the right bytes, secret and time.

import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { verify, type VerifyInput } from '../../client/verify.ts'

// 24 bytes, the shortest that Standard Webhooks allows.
const KEY = 'correct horse battery st'
const SECRET = 'whsec_Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0'
const OTHER_KEY = 'another horse battery st'
const OTHER_SECRET = 'whsec_YW5vdGhlciBob3JzZSBiYXR0ZXJ5IHN0'

const SIGNED_AT_S = 1_769_860_800 // 2026-01-31T12:00:00Z
const NOW_MS = SIGNED_AT_S * 1_000 + 2_000
const BODY = '{"name":"Katze 🐈", "size":12345}'

const signature = (key: string, body: string) =>
  `v1,${createHmac('sha256', key).update(`msg_1.${SIGNED_AT_S}.`).update(body).digest('base64')}`

const headers = (changes: Record<string, string | undefined> = {}) => ({
  'content-type': 'application/json',
  'webhook-id': 'msg_1',
  'webhook-timestamp': String(SIGNED_AT_S),
  'webhook-signature': signature(KEY, BODY),
  'webhook-event': 'upload_image',
  'webhook-delivery-id': 'dlv_1',
  'webhook-attempt': '3',
  ...changes,
})

const check = (changes: Partial<VerifyInput> = {}) =>
  verify({ secret: SECRET, headers: headers(), body: BODY, nowMs: NOW_MS, ...changes })

const VERIFIED = {
  ok: true,
  messageId: 'msg_1',
  eventName: 'upload_image',
  deliveryId: 'dlv_1',
  attempt: 3,
  timestamp: new Date('2026-01-31T12:00:00Z'),
  payload: { name: 'Katze 🐈', size: 12345 },
}

describe('a request of the broker', () => {
  it('is believed with its body as text, as bytes and as a Buffer', () => {
    expect(check()).toEqual(VERIFIED)
    expect(check({ body: new TextEncoder().encode(BODY) })).toEqual(VERIFIED)
    expect(check({ body: Buffer.from(BODY) })).toEqual(VERIFIED)
  })

  it('is believed with headers of fetch, of Node with names in any case, and of API Gateway as lists', () => {
    const upper = Object.fromEntries(
      Object.entries(headers()).map(([name, value]) => [name.toUpperCase(), value]),
    )
    const lists = Object.fromEntries(Object.entries(headers()).map(([k, v]) => [k, [v]]))
    expect(check({ headers: new Headers(headers()) })).toEqual(VERIFIED)
    expect(check({ headers: upper })).toEqual(VERIFIED)
    expect(check({ headers: lists })).toEqual(VERIFIED)
  })

  it('is believed when one of several secrets fits one of several signatures', () => {
    const rotating = `${signature(OTHER_KEY, BODY)} v1a,xyz ${signature(KEY, BODY)}`
    expect(check({ headers: headers({ 'webhook-signature': rotating }) })).toEqual(VERIFIED)
    expect(check({ secret: [OTHER_SECRET, SECRET] })).toEqual(VERIFIED)
  })

  it('may have any JSON value as its payload', () => {
    for (const [body, payload] of [
      ['null', null],
      ['0', 0],
      ['""', ''],
      ['[1]', [1]],
    ] as const) {
      const signed = headers({ 'webhook-signature': signature(KEY, body) })
      expect(check({ body, headers: signed })).toMatchObject({ ok: true, payload })
    }
  })
})

describe('a request is refused', () => {
  it.each([
    ['another body', { body: BODY.replace('12345', '12346') }],
    ['a body that was parsed and written again', { body: JSON.stringify(JSON.parse(BODY)) }],
    ['another secret', { secret: OTHER_SECRET }],
    ['another id', { headers: headers({ 'webhook-id': 'msg_2' }) }],
    ['another time', { headers: headers({ 'webhook-timestamp': String(SIGNED_AT_S + 1) }) }],
    [
      'a signature of another version',
      { headers: headers({ 'webhook-signature': signature(KEY, BODY).replace('v1,', 'v2,') }) },
    ],
    ['a signature cut short', { headers: headers({ 'webhook-signature': 'v1,' }) }],
  ])('with %s', (_what, changes) => {
    expect(check(changes)).toMatchObject({ ok: false, reason: 'no_matching_signature' })
  })

  it.each([
    'webhook-id',
    'webhook-timestamp',
    'webhook-signature',
    'webhook-event',
    'webhook-delivery-id',
    'webhook-attempt',
  ])('without %s, which it names', (name) => {
    for (const value of [undefined, '']) {
      expect(check({ headers: headers({ [name]: value }) })).toEqual({
        ok: false,
        reason: 'missing_header',
        detail: `no ${name}`,
      })
    }
  })

  it('when it is older than the tolerance, or newer, and not a second before', () => {
    const at = (offsetMs: number, toleranceMs?: number) =>
      check({ nowMs: SIGNED_AT_S * 1_000 + offsetMs, toleranceMs })
    expect(at(300_000)).toMatchObject({ ok: true })
    expect(at(301_000)).toEqual({ ok: false, reason: 'too_old', detail: 'signed 301 s ago' })
    expect(at(-300_000)).toMatchObject({ ok: true })
    expect(at(-301_000)).toMatchObject({ ok: false, reason: 'too_new' })
    expect(at(3_000, 2_000)).toMatchObject({ ok: false, reason: 'too_old' })
    // Longer than the five minutes that the library knows.
    expect(at(3_600_000, 3_600_000)).toMatchObject({ ok: true })
  })

  it.each(['soon', '-1', '1e9', ' 1769860800', '1769860800x'])(
    'with the timestamp %j',
    (timestamp) => {
      expect(check({ headers: headers({ 'webhook-timestamp': timestamp }) })).toMatchObject({
        ok: false,
        reason: 'invalid_header',
      })
    },
  )

  // Decoded leniently, every broken byte becomes U+FFFD, and other bytes have the same signature.
  it('when its bytes are not UTF-8, even if a lenient decoding of them is signed', () => {
    const signed = headers({ 'webhook-signature': signature(KEY, '"\ufffd"') })
    expect(check({ body: '"\ufffd"', headers: signed })).toMatchObject({ ok: true })
    expect(check({ body: Buffer.from([0x22, 0xff, 0x22]), headers: signed })).toMatchObject({
      ok: false,
      reason: 'invalid_body',
    })
  })

  it('when it is signed and no JSON, or its attempt is no number', () => {
    const signed = headers({ 'webhook-signature': signature(KEY, 'hello') })
    expect(check({ body: 'hello', headers: signed })).toMatchObject({ reason: 'invalid_body' })
    expect(check({ headers: headers({ 'webhook-attempt': 'x' }) })).toMatchObject({
      reason: 'invalid_header',
    })
  })
})

describe('a mistake of the receiver itself', () => {
  it.each([[''], ['whsec_'], ['secret'], ['whsec_not base64 at all, but long enough to be']])(
    'is thrown, not answered: the secret %j',
    (secret) => {
      expect(() => check({ secret })).toThrow(TypeError)
      expect(() => check({ secret: [SECRET, secret] })).toThrow(TypeError)
    },
  )

  it('is thrown for no secret at all, and never says the secret', () => {
    expect(() => check({ secret: [] })).toThrow('verify needs a secret')
    expect(() => check({ secret: 'my-little-secret' })).toThrow(
      'a secret is whsec_ followed by base64, as the registration answered it',
    )
  })
})
