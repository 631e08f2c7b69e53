import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  nextDelayMs,
  parseRetryAfter,
  parseRetrySchedule,
} from '../../../lib/domain/retry-schedule.ts'

const schedule = [5_000, 30_000, 120_000]
const base = { schedule, stepsUsed: 0, jitter: 0, random: 0.5, retryAfterMs: undefined }

describe('the schedule in the configuration', () => {
  test('reads milliseconds, seconds, minutes, hours and days', () => {
    expect(parseRetrySchedule('200ms,5s, 2m ,3h,1d')).toEqual([
      200, 5_000, 120_000, 10_800_000, 86_400_000,
    ])
  })

  test('reads the default', () => {
    expect(parseRetrySchedule('5s,30s,2m,10m,30m,2h,5h,10h,24h,24h')).toEqual([
      5_000, 30_000, 120_000, 600_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 86_400_000,
      86_400_000,
    ])
  })

  test.each(['', '5', '5s,', '-5s', '1.5s', '5 s', '5w', 's', '31d', '9999999999s'])(
    'refuses %j',
    (text) => {
      expect(parseRetrySchedule(text)).toBeUndefined()
    },
  )
})

describe('the delay before the next attempt', () => {
  test('is the step that is next', () => {
    expect([0, 1, 2].map((stepsUsed) => nextDelayMs({ ...base, stepsUsed }))).toEqual([
      5_000, 30_000, 120_000,
    ])
  })

  test('does not exist once n delays have made n + 1 attempts', () => {
    expect(nextDelayMs({ ...base, stepsUsed: 3 })).toBeUndefined()
    expect(nextDelayMs({ ...base, schedule: [], stepsUsed: 0 })).toBeUndefined()
  })

  test('with a jitter of 0.2 lies between 0.9 and 1.1 of the step', () => {
    expect(nextDelayMs({ ...base, jitter: 0.2, random: 0 })).toBe(4_500)
    expect(nextDelayMs({ ...base, jitter: 0.2, random: 0.5 })).toBe(5_000)
    expect(nextDelayMs({ ...base, jitter: 0.2, random: 0.999_999 })).toBe(5_500)
  })

  test('never leaves 1 ± jitter/2, whatever the random number', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 86_400_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (step, jitter, random) => {
          const delayMs = nextDelayMs({ ...base, schedule: [step], jitter, random }) ?? -1
          expect(delayMs).toBeGreaterThanOrEqual(Math.floor(step * (1 - jitter / 2)))
          expect(delayMs).toBeLessThanOrEqual(Math.ceil(step * (1 + jitter / 2)))
        },
      ),
    )
  })

  test('is lengthened by Retry-After and never shortened', () => {
    expect(nextDelayMs({ ...base, retryAfterMs: 60_000 })).toBe(60_000)
    expect(nextDelayMs({ ...base, retryAfterMs: 1_000 })).toBe(5_000)
  })

  test('is lengthened to 24 hours at most', () => {
    expect(nextDelayMs({ ...base, retryAfterMs: 1e12 })).toBe(86_400_000)
    expect(nextDelayMs({ ...base, schedule: [90_000_000], retryAfterMs: 1e12 })).toBe(90_000_000)
  })
})

// O-RETRY-1: the header was ignored, or only its seconds were read, or an absurd value was obeyed.
describe('Retry-After', () => {
  const now = Date.parse('2026-01-31T12:00:00Z')

  test.each([
    ['3', 3_000],
    [' 3 ', 3_000],
    ['86400', 86_400_000],
    ['1000000000', 1_000_000_000_000],
    ['Sat, 31 Jan 2026 12:00:03 GMT', 3_000],
  ])('%j is understood', (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected)
  })

  test.each([
    '0',
    '-5',
    'abc',
    '',
    '1e9',
    '1.5',
    'Sat, 31 Jan 2026 11:59:59 GMT',
    '2026-02-01',
    'Sat, 99 Jan 2026 12:00:03 GMT',
  ])('%j changes nothing', (value) => {
    expect(parseRetryAfter(value, now)).toBeUndefined()
  })

  test('may be absent', () => {
    expect(parseRetryAfter(undefined, now)).toBeUndefined()
  })
})
