// Whose messages are let in. O-QUEUE-6: a verifier that parsed the body and wrote it again judged other bytes than those
// that were signed.

import { expect, test, vi } from 'vitest'
import { makeQstashVerifier } from '../../../lib/queue/qstash/verifier.ts'
import { signToken, type TokenOptions } from '../../support/qstash-token.ts'

const CURRENT = 'sig_current'
const NEXT = 'sig_next'
const URL = 'https://broker.example/internal/qstash'
const BODY = '{"deliveryId":"dlv_1","generation":0}'

const verify = makeQstashVerifier({
  currentSigningKey: CURRENT,
  nextSigningKey: NEXT,
  destination: URL,
})
const token = (change: Partial<TokenOptions> = {}) =>
  signToken({ key: CURRENT, url: URL, body: BODY, ...change })
const judge = (signature: string | undefined, body: string | Buffer = BODY) =>
  verify(Buffer.from(body), signature)

test('the current key is good, and so is the next one', async () => {
  expect(await judge(token())).toBe(true)
  expect(await judge(token({ key: NEXT }))).toBe(true)
})

test('a clock that is off by four seconds is no reason to refuse', async () => {
  expect(await judge(token({ notBeforeInS: 4 }))).toBe(true)
  expect(await judge(token({ expiresInS: -4, notBeforeInS: -304 }))).toBe(true)
})

test.each<[string, string | undefined]>([
  ['none', undefined],
  ['an empty one', ''],
  ['what is no token', 'signature'],
  ['one of another key', token({ key: 'sig_other' })],
  ['one of an empty key', token({ key: '' })],
  ['one that has expired', token({ expiresInS: -60, notBeforeInS: -360 })],
  ['one of the next key that has expired', token({ key: NEXT, expiresInS: -60 })],
  ['one that is not valid yet', token({ notBeforeInS: 60 })],
  ['one for another address', token({ url: 'https://broker.example/internal' })],
  ['one for the same address on another host', token({ url: URL.replace('broker', 'other') })],
  ['one of another issuer', token({ claims: { iss: 'Somebody' } })],
  ['one that says nothing of the body', token({ claims: { body: undefined } })],
  ['one without an algorithm', token({ alg: 'none' })],
  ['one whose signature was cut off', token().replace(/[^.]+$/, '')],
])('%s is refused', async (_what, signature) => {
  expect(await judge(signature)).toBe(false)
  // The same verifier, right after: it refuses that one, not everything.
  expect(await judge(token())).toBe(true)
})

test.each<[string, string | Buffer]>([
  ['other spaces', '{"deliveryId": "dlv_1", "generation": 0}'],
  ['a line break at the end', `${BODY}\n`],
  ['a byte order mark', Buffer.from(`\uFEFF${BODY}`)],
  ['another id', BODY.replace('dlv_1', 'dlv_2')],
  ['no bytes', ''],
  ['bytes that are no text', Buffer.from([0xff, 0xfe])],
])('a body with %s is not the one that was signed', async (_what, body) => {
  expect(await judge(token(), body)).toBe(false)
})

test('QSTASH_DEV of the environment does not make it trust the keys that everybody knows', async () => {
  vi.stubEnv('QSTASH_DEV', 'true')
  vi.stubEnv('QSTASH_CURRENT_SIGNING_KEY', 'sig_of_the_environment')
  const known = token({ key: 'sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r' })
  expect(await judge(known)).toBe(false)
  expect(await judge(token())).toBe(true)
  vi.unstubAllEnvs()
})
