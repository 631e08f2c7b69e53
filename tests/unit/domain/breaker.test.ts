import { describe, expect, test } from 'vitest'
import { CLEAN, openForMs, tallied, type Ending, type Tally } from '../../../lib/domain/breaker.ts'

/** @returns after which attempt the breaker opened, from 1 */
const tripsAt = (endings: readonly Ending[], breakerFailures: number): number | undefined => {
  let tally: Tally = CLEAN
  for (const [index, ending] of endings.entries()) {
    const next = tallied(tally, ending, breakerFailures)
    if (next.trips) return index + 1
    tally = next.tally
  }
  return undefined
}
const times = (count: number, ending: Ending): Ending[] => Array<Ending>(count).fill(ending)

describe('the breaker', () => {
  test('opens at so many failures in a row', () => {
    expect(tripsAt(times(9, 'failed'), 10)).toBeUndefined()
    expect(tripsAt(times(12, 'failed'), 10)).toBe(10)
    expect(tripsAt(times(3, 'timed_out'), 3)).toBe(3)
  })

  test('a success in between begins the count anew', () => {
    const nine = times(9, 'failed')
    expect(tripsAt([...nine, 'succeeded', ...nine], 10)).toBeUndefined()
    expect(tripsAt([...nine, 'succeeded', ...nine, 'failed'], 10)).toBe(20)
  })

  test('what says nothing about the receiver counts neither way', () => {
    expect(tripsAt([...times(9, 'failed'), 'says_nothing', 'failed'], 10)).toBe(11)
  })

  test('opens when over half of the last 20 timed out, although some succeed', () => {
    const pattern: Ending[] = ['timed_out', 'timed_out', 'succeeded']
    const mixed = Array.from({ length: 30 }, (_, index) => pattern[index % 3] ?? 'succeeded')
    expect(tripsAt(mixed, 10)).toBe(20)
    const half = Array.from({ length: 60 }, (_, index): Ending =>
      index % 2 === 0 ? 'timed_out' : 'succeeded',
    )
    expect(tripsAt(half, 10)).toBeUndefined()
  })

  test('never opens when it is off', () => {
    expect(tripsAt(times(100, 'timed_out'), 0)).toBeUndefined()
  })

  test('is left with a clean slate when it has opened', () => {
    expect(tallied({ failures: 9, recent: [true] }, 'failed', 10)).toEqual({
      tally: { failures: 0, recent: [] },
      trips: true,
    })
  })
})

describe('the time that it stays open', () => {
  const minute = 60_000

  test('begins with the configured one and doubles with every probe that fails', () => {
    const longOutage = 24 * 60 * minute
    const opens = [0, 1, 2, 3, 4, 5, 6].map((count) =>
      openForMs({ opens: count, failingForMs: longOutage }, 30_000),
    )
    expect(opens).toEqual([30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000])
  })

  test('is at most a fifth of the outage, so that its end is noticed in time', () => {
    expect(openForMs({ opens: 5, failingForMs: 10 * minute }, 30_000)).toBe(120_000)
    expect(openForMs({ opens: 5, failingForMs: minute }, 30_000)).toBe(30_000)
  })

  test('may be configured to be longer than the longest of its own', () => {
    expect(openForMs({ opens: 3, failingForMs: 0 }, 3_600_000)).toBe(3_600_000)
  })

  test('makes fewer than 20 probes in ten minutes', () => {
    let nowMs = 0
    let probes = 0
    for (let opens = 0; nowMs < 10 * minute; opens += 1) {
      nowMs += openForMs({ opens, failingForMs: nowMs }, 30_000)
      probes += 1
    }
    expect(probes).toBeLessThan(20)
  })
})
