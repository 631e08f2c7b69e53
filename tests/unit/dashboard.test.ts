// What the dashboard works out by itself: how it writes JSON, shares and spans of time.

import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { bytes, percent } from '../../dashboard/src/state/number.ts'
import { prettyJson } from '../../dashboard/src/state/pretty-json.ts'
import { windowOf } from '../../dashboard/src/state/ranges.ts'
import { ago, duration, utcTime } from '../../dashboard/src/state/time.ts'

describe('JSON with line breaks', () => {
  it('changes no value: numbers, spellings, keys that stand twice', () => {
    const text = String.raw`{"id":12345678901234567890,"a":1.0,"e":1e400,"k":1,"k":2,"u":"\u00e9","s":"a{,}:[\"b"}`
    expect(prettyJson(text)).toBe(
      String.raw`{
  "id": 12345678901234567890,
  "a": 1.0,
  "e": 1e400,
  "k": 1,
  "k": 2,
  "u": "\u00e9",
  "s": "a{,}:[\"b"
}`,
    )
  })

  it('keeps what is empty on one line, and nests the rest', () => {
    expect(prettyJson('{"a":[],"b":{},"c":[1,[true,null]]}')).toBe(
      '{\n  "a": [],\n  "b": {},\n  "c": [\n    1,\n    [\n      true,\n      null\n    ]\n  ]\n}',
    )
  })

  test('of any value means the same, and is what JSON.stringify would have written', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value: unknown = JSON.parse(text)
        expect(JSON.parse(prettyJson(text))).toEqual(value)
        expect(prettyJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2))
      }),
      { seed: 11, numRuns: 500 },
    )
  })
})

describe('figures', () => {
  it('a share is never rounded up to all', () => {
    expect([0, 0.7857, 0.5, 0.999_999, 1].map(percent)).toEqual([
      '0 %',
      '78.57 %',
      '50 %',
      '99.99 %',
      '100 %',
    ])
  })

  it('a span has two units at most', () => {
    const spans = [0, 340, 1_500, 42_000, 61_000, 3_600_000, 7_500_000, 90_000_000]
    expect(spans.map(duration)).toEqual([
      '0 ms',
      '340 ms',
      '1.5 s',
      '42 s',
      '1 min 1 s',
      '1 h',
      '2 h 5 min',
      '1 d 1 h',
    ])
  })

  it('a time is said from now, in both directions, and exactly in UTC', () => {
    const now = Date.parse('2026-01-31T12:00:00.000Z')
    expect(ago('2026-01-31T11:58:30.000Z', now)).toBe('1 min 30 s ago')
    expect(ago('2026-01-31T12:00:42.000Z', now)).toBe('in 42 s')
    expect(ago('2026-01-31T12:00:00.400Z', now)).toBe('just now')
    expect(utcTime('2026-01-31T11:58:30.000Z')).toBe('2026-01-31 11:58:30.000 UTC')
  })

  it('a size is in bytes, then KiB', () => {
    expect([0, 1_023, 1_536].map(bytes)).toEqual(['0 B', '1023 B', '1.5 KiB'])
  })

  it('a window ends now, in steps of whole minutes', () => {
    const now = Date.parse('2026-01-31T12:00:00.000Z')
    expect(windowOf('6h', now)).toEqual({ from: '2026-01-31T06:00:00.000Z', step: 300 })
  })
})
