import { describe, expect, test } from 'vitest'
import { BrokerError } from '../../../lib/domain/errors.ts'
import {
  acceptContentType,
  acceptIdempotencyKey,
  acceptPayload,
} from '../../../lib/domain/message.ts'

const codeOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof BrokerError) return error.code
    throw error
  }
  return 'accepted'
}

const bytes = (text: string) => new TextEncoder().encode(text)

// O-BODY-4: an unusual or missing content type made the body silently empty.
describe('the content type of a trigger', () => {
  test.each([
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['application/json', 'application/json'],
    ['application/json; charset=utf-8', 'application/json; charset=utf-8'],
    ['application/cloudevents+json; charset=utf-8', 'application/cloudevents+json; charset=utf-8'],
    ['APPLICATION/JSON', 'APPLICATION/JSON'],
  ])('%j is passed on as %j', (given, expected) => {
    expect(acceptContentType(given)).toBe(expected)
  })

  test.each([
    'text/plain',
    'application/xml',
    'application/jsonp',
    'json',
    'application/json\u0001',
    'application/json; é',
    `application/json; ${'x'.repeat(300)}`,
  ])('%j is refused', (given) => {
    expect(codeOf(() => acceptContentType(given))).toBe('unsupported_media_type')
  })
})

describe('a payload', () => {
  test('that is absent stands for {}', () => {
    expect(Buffer.from(acceptPayload(new Uint8Array())).toString()).toBe('{}')
  })

  test.each([
    '{}',
    'null',
    '[1]',
    '"text"',
    '0',
    ' {"a":1} ',
    '{"s":"a\\u0000b"}',
    '{"id":12345678901234567890,"k":1,"k":2}',
  ])('%s is kept, the very bytes', (text) => {
    const given = bytes(text)
    expect(acceptPayload(given)).toBe(given)
  })

  test.each(['{bad', ' ', '{"a":1}x', "{'a':1}", 'undefined'])('%j is not JSON', (text) => {
    expect(codeOf(() => acceptPayload(bytes(text)))).toBe('invalid_json')
  })

  test('with a byte order mark is refused', () => {
    expect(codeOf(() => acceptPayload(bytes('\uFEFF{}')))).toBe('invalid_encoding')
  })

  test('that is not UTF-8 is refused', () => {
    expect(codeOf(() => acceptPayload(Uint8Array.of(0x22, 0xff, 0x22)))).toBe('invalid_encoding')
  })
})

describe('an idempotency key', () => {
  test.each(['a', 'order 1', 'x'.repeat(255), '~!'])('may be %j', (key) => {
    expect(acceptIdempotencyKey(key)).toBe(key)
  })

  test.each(['', '   ', 'x'.repeat(256), 'é', 'a\tb', 'a\u007f'])('may not be %j', (key) => {
    expect(codeOf(() => acceptIdempotencyKey(key))).toBe('invalid_idempotency_key')
  })
})
