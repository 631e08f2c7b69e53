import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assertNever } from '../../../lib/domain/assert-never.ts'
import { BrokerError, fieldError } from '../../../lib/domain/errors.ts'
import { isEventName, isReservedEventName } from '../../../lib/domain/event-name.ts'
import { firstIdAt, ID_RANDOM_BYTES, isId, makeId } from '../../../lib/domain/ids.ts'

// O-NAME-1 to O-NAME-3: decoded slashes, names that met other Redis keys, `__proto__`, blanks and endless names.
describe('an event name', () => {
  test.each([
    'upload_image',
    'order.paid',
    'a',
    '...',
    '-',
    'constructor',
    '__proto__',
    'toString',
    'A'.repeat(128),
  ])('may be %j', (name) => {
    expect(isEventName(name)).toBe(true)
  })

  test.each([
    '',
    ' ',
    '\t',
    '.',
    '..',
    'order/paid',
    'a+b',
    '50%off',
    'é',
    'a b',
    'a?b',
    'a#b',
    'evt:a',
    'a\n',
    'A'.repeat(129),
    'x'.repeat(10_000),
  ])('may not be %j', (name) => {
    expect(isEventName(name)).toBe(false)
  })

  test('is the same in a path, whoever decodes it how often', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), (name) => {
        fc.pre(isEventName(name))
        expect(encodeURIComponent(name)).toBe(name)
        expect(decodeURIComponent(name)).toBe(name)
      }),
    )
  })

  test('under broker. is ours', () => {
    expect(isReservedEventName('broker.webhook.disabled')).toBe(true)
    expect(isReservedEventName('brokerage')).toBe(false)
  })
})

describe('an id', () => {
  const zeros = new Uint8Array(ID_RANDOM_BYTES)

  test('is a prefix and a ULID in lower case', () => {
    expect(makeId('msg', 1_469_918_176_385, zeros)).toBe('msg_01aryz6s410000000000000000')
    expect(makeId('wh', 0, new Uint8Array(16).fill(255))).toBe('wh_0000000000zzzzzzzzzzzzzzzz')
    expect(makeId('dlv', 0, new Uint8Array())).toBe('dlv_00000000000000000000000000')
  })

  test('sorts by time, whatever the random part', () => {
    const moments = fc.tuple(fc.nat(2 ** 31), fc.nat(2 ** 31))
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 })
    fc.assert(
      fc.property(moments, bytes, bytes, ([a, b], left, right) => {
        fc.pre(a < b)
        expect(makeId('dlv', a, left) < makeId('dlv', b, right)).toBe(true)
      }),
    )
  })

  test('is a legal job id: no colon, not all digits', () => {
    expect(makeId('dlv', 1, zeros)).toMatch(/^dlv_[0-9a-z]{26}$/)
  })

  test('of a moment is the lowest there is', () => {
    expect(firstIdAt('msg', 1_469_918_176_385)).toBe('msg_01aryz6s410000000000000000')
    expect(firstIdAt('msg', -5)).toBe('msg_00000000000000000000000000')
  })

  test('is told from other text', () => {
    expect(isId('msg', 'msg_01aryz6s410000000000000000')).toBe(true)
    expect(isId('dlv', 'msg_01aryz6s410000000000000000')).toBe(false)
    expect(isId('msg', 'msg_01ARYZ6S410000000000000000')).toBe(false)
    expect(isId('msg', 'msg_01aryz6s41000000000000000')).toBe(false)
    expect(isId('msg', 'msg_01aryz6s41000000000000000u')).toBe(false)
  })
})

describe('an error', () => {
  test('carries a code, a message for the caller and a cause for the log', () => {
    const cause = new Error('ECONNREFUSED')
    const error = new BrokerError('log_unavailable', 'the delivery log did not confirm', { cause })
    expect(error).toMatchObject({ code: 'log_unavailable', faults: [], cause, name: 'BrokerError' })
    expect('cause' in new BrokerError('conflict', 'no')).toBe(false)
  })

  test('of one field names it', () => {
    expect(fieldError('invalid_url', 'webhookUrl', 'no').faults).toEqual([
      { field: 'webhookUrl', message: 'no' },
    ])
  })

  test('is thrown for a case that the types do not know', () => {
    expect(() => assertNever('surprise' as never)).toThrow('unexpected case: "surprise"')
  })
})
