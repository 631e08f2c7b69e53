import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { makeSecretBox } from '../../../lib/domain/secret-box.ts'
import { isSecret, makeSecret, sign } from '../../../lib/domain/signature.ts'

const secret = makeSecret(new Uint8Array(32).fill(7))
const other = makeSecret(new Uint8Array(32).fill(8))
const payload = Buffer.from('{"b":1,"a":"é<>&=\u2028 🙂","c":[1, 2]}')

const headersOf = (secrets: string[], timestamp = Math.floor(Date.now() / 1000)) => ({
  'webhook-id': 'msg_1',
  'webhook-timestamp': String(timestamp),
  'webhook-signature': sign({ messageId: 'msg_1', timestamp, payload, secrets }),
})

// O-BODY-2: one serialiser for signing, another for sending.
describe('a signature', () => {
  test('has the value that the standard gives for these bytes', () => {
    // The worked example of the Standard Webhooks specification.
    const value = sign({
      messageId: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: 1_614_265_330,
      payload: Buffer.from('{"test": 2432232314}'),
      secrets: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    })
    expect(value).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  test('is verified by the library of the standard', () => {
    expect(() => new Webhook(secret).verify(payload, headersOf([secret]))).not.toThrow()
    expect(() => new Webhook(other).verify(payload, headersOf([secret]))).toThrow()
  })

  test('is made by both secrets during a rotation, newest first', () => {
    const headers = headersOf([other, secret])
    expect(headers['webhook-signature'].split(' ')).toHaveLength(2)
    expect(headers['webhook-signature'].split(' ')[0]).toBe(headersOf([other])['webhook-signature'])
    expect(() => new Webhook(secret).verify(payload, headers)).not.toThrow()
    expect(() => new Webhook(other).verify(payload, headers)).not.toThrow()
  })
})

describe('a signing secret', () => {
  test('is whsec_ and base64', () => {
    expect(secret).toBe('whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=')
    expect(isSecret(secret)).toBe(true)
  })

  const ofBytes = (count: number) => `whsec_${Buffer.alloc(count, 1).toString('base64')}`
  test.each([24, 25, 26, 63, 64])('has %i bytes', (count) => {
    expect(isSecret(ofBytes(count))).toBe(true)
  })

  test.each([
    ofBytes(23),
    ofBytes(65),
    'whsec_',
    'secret',
    ofBytes(32).slice(6),
    `${ofBytes(32)}!`,
    'whsec_****',
    `whsec_${'A'.repeat(33)}`,
  ])('is not %j', (text) => {
    expect(isSecret(text)).toBe(false)
  })
})

describe('a secret at rest', () => {
  const key = new Uint8Array(32).fill(1)
  const newer = new Uint8Array(32).fill(2)
  const nonce = new Uint8Array(12).fill(3)

  test('cannot be read and is opened by the key', () => {
    const box = makeSecretBox([key])
    const sealed = box.seal(secret, 'wh_1', nonce)
    expect(sealed).toMatch(/^v1:[0-9a-f]{8}:/)
    expect(sealed).not.toContain(secret.slice(6))
    expect(box.open(sealed, 'wh_1')).toBe(secret)
  })

  test('sealed with an older key is opened after a rotation of keys', () => {
    const sealed = makeSecretBox([key]).seal(secret, 'wh_1', nonce)
    expect(makeSecretBox([newer, key]).open(sealed, 'wh_1')).toBe(secret)
  })

  test('is not opened by another key, and the error says so without the secret', () => {
    const sealed = makeSecretBox([key]).seal(secret, 'wh_1', nonce)
    expect(() => makeSecretBox([newer]).open(sealed, 'wh_1')).toThrow(/sealed with key [0-9a-f]{8}/)
    expect(() => makeSecretBox([newer]).open('garbage', 'wh_1')).toThrow(/sealed with key/)
  })

  test('cannot be moved to another webhook', () => {
    const box = makeSecretBox([key])
    expect(() => box.open(box.seal(secret, 'wh_1', nonce), 'wh_2')).toThrow(/does not fit/)
  })

  test('that was changed is refused', () => {
    const box = makeSecretBox([key])
    const sealed = box.seal(secret, 'wh_1', nonce)
    expect(() => box.open(`${sealed.slice(0, -6)}AAAAA=`, 'wh_1')).toThrow(/does not fit/)
  })

  test('what was opened once stays closed to others, however much was opened since', () => {
    const box = makeSecretBox([key])
    const sealed = box.seal(secret, 'wh_1', nonce)
    expect(box.open(sealed, 'wh_1')).toBe(secret)
    expect(box.open(sealed, 'wh_1')).toBe(secret)
    expect(() => box.open(sealed, 'wh_2')).toThrow(/does not fit/)
    for (let n = 0; n < 1_001; n += 1) {
      const id = `wh_more_${n}`
      expect(box.open(box.seal(`${secret}${n}`, id, nonce), id)).toBe(`${secret}${n}`)
    }
    expect(box.open(sealed, 'wh_1')).toBe(secret)
  })

  test('without a key is stored as it is, and read back when a key has come', () => {
    const sealed = makeSecretBox([]).seal(secret, 'wh_1', nonce)
    expect(sealed).toBe(`plain:${secret}`)
    expect(makeSecretBox([key]).open(sealed, 'wh_1')).toBe(secret)
  })
})
