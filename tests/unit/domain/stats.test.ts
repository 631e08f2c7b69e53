import { describe, expect, it } from 'vitest'
import { LATENCY_BOUNDS_MS, LATENCY_BUCKETS, percentileMs } from '../../../lib/domain/latency.ts'
import {
  addCounts,
  chooseWindow,
  emptyCounts,
  figuresOf,
  seriesPieces,
  sumPieces,
  type StatsPiece,
} from '../../../lib/domain/stats.ts'

const at = (text: string) => Date.parse(`2026-03-10T${text}Z`)
const iso = (ms: number) => new Date(ms).toISOString().slice(11, 16)
const show = (pieces: StatsPiece[]) =>
  pieces.map(({ source, fromMs, toMs }) => `${source} ${iso(fromMs)}-${iso(toMs)}`)

describe('percentiles', () => {
  it('of nothing are null', () => {
    expect(percentileMs(emptyCounts().latency, 0.5)).toBeNull()
  })

  it('lie within the bucket that holds the rank, a fifth off at most', () => {
    const counts = emptyCounts().latency
    // 90 attempts of 64 to 90 ms, 10 of 1024 to 1447 ms
    counts[13 - 1] = 90
    counts[20] = 10
    expect(LATENCY_BOUNDS_MS.slice(11, 13)).toEqual([64, 91])
    expect(percentileMs(counts, 0.5)).toBe(79)
    expect(percentileMs(counts, 0.95)).toBe(1236)
    expect(percentileMs(counts, 1)).toBe(1448)
  })

  it('of the last bucket end at about a minute', () => {
    const counts = emptyCounts().latency
    counts[LATENCY_BUCKETS - 1] = 1
    expect(percentileMs(counts, 1)).toBe(65_536)
  })

  it('buckets grow by no more than half from 4 ms on', () => {
    const bounds = LATENCY_BOUNDS_MS.filter((bound) => bound >= 4)
    const ratios = bounds.slice(1).map((bound, index) => bound / (bounds[index] ?? 1))
    expect(Math.max(...ratios)).toBeLessThanOrEqual(1.5)
  })
})

describe('figures', () => {
  it('name a success rate of what ended, and none when nothing did', () => {
    const counts = { ...emptyCounts(), accepted: 5, succeeded: 2, failed: 1, dead: 1 }
    expect(figuresOf(counts)).toEqual({
      accepted: 5,
      delivered: 2,
      failed: 1,
      dead: 1,
      successRate: 0.6667,
      p50Ms: null,
      p95Ms: null,
    })
    expect(figuresOf(emptyCounts()).successRate).toBeNull()
  })

  it('add up', () => {
    const sum = emptyCounts()
    const one = { ...emptyCounts(), accepted: 1, succeeded: 2, failed: 3, dead: 4 }
    one.latency[3] = 7
    addCounts(sum, one)
    addCounts(sum, one)
    expect(sum).toMatchObject({ accepted: 2, succeeded: 4, failed: 6, dead: 8 })
    expect(sum.latency[3]).toBe(14)
  })
})

describe('the window', () => {
  const nowMs = at('12:34:56')
  const asked = (from?: string, to?: string, stepS?: number) =>
    chooseWindow(
      {
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to),
        stepS,
      },
      nowMs,
    )

  it('is the last hour by the minute when nothing is asked for', () => {
    expect(asked()).toEqual({ fromMs: at('11:34:00'), toMs: at('12:35:00'), stepMs: 60_000 })
  })

  it('is rounded outwards to whole steps', () => {
    expect(asked('2026-03-10T01:10:00Z', '2026-03-10T02:50:00Z', 3_600)).toEqual({
      fromMs: at('01:00:00'),
      toMs: at('03:00:00'),
      stepMs: 3_600_000,
    })
  })

  it.each([
    ['2026-03-10T10:34:56Z', 60],
    ['2026-03-10T02:34:56Z', 300],
    ['2026-03-09T12:34:56Z', 900],
    ['2026-03-06T12:34:56Z', 3_600],
    ['2026-02-10T12:34:56Z', 21_600],
    ['2026-01-01T12:34:56Z', 86_400],
    ['2025-03-10T12:34:56Z', 86_400],
  ])('since %s has steps of %i s when none is given', (from, step) => {
    expect(asked(from).stepMs).toBe(step * 1_000)
  })

  it.each([
    ['to', 'an end before its start', ['2026-03-10T12:00:00Z', '2026-03-10T12:00:00Z']],
    ['step', 'a step of seconds', [undefined, undefined, 59]],
    ['step', 'a step that is not whole minutes', [undefined, undefined, 90]],
    ['step', 'a step of more than a day', [undefined, undefined, 86_460]],
    ['step', 'too many steps', ['2026-03-09T11:00:00Z', undefined, 60]],
    ['step', 'minutes of last week', ['2026-03-06T12:00:00Z', '2026-03-06T13:00:00Z', 60]],
    ['step', 'days of a thousand years', ['1026-03-06T12:00:00Z']],
  ] as [string, string, Parameters<typeof asked>][])(
    'names %s for %s',
    (field, _what, question) => {
      let faults: readonly { field: string }[] = []
      try {
        asked(...question)
      } catch (error) {
        faults = (error as { faults: { field: string }[] }).faults
      }
      expect(faults.map((fault) => fault.field)).toEqual([field])
    },
  )
})

describe('the pieces', () => {
  const window = (from: string, to: string, stepMs = 60_000) => ({
    fromMs: at(from),
    toMs: at(to),
    stepMs,
  })

  it('of a series by the minute are minutes, then what is not rolled up', () => {
    expect(show(seriesPieces(window('10:10', '12:35'), at('12:31')))).toEqual([
      'minutes 10:10-12:31',
      'live 12:31-12:35',
    ])
  })

  it('of a series by the hour are hours as long as those are whole', () => {
    expect(show(seriesPieces(window('09:00', '13:00', 3_600_000), at('12:31')))).toEqual([
      'hours 09:00-12:00',
      'minutes 12:00-12:31',
      'live 12:31-13:00',
    ])
  })

  it('of a sum are whole hours with minutes at the edges', () => {
    expect(show(sumPieces(window('09:10', '12:35'), at('12:31')))).toEqual([
      'minutes 09:10-10:00',
      'hours 10:00-12:00',
      'minutes 12:00-12:31',
      'live 12:31-12:35',
    ])
    expect(show(sumPieces(window('09:10', '11:20'), at('12:31')))).toEqual([
      'minutes 09:10-10:00',
      'hours 10:00-11:00',
      'minutes 11:00-11:20',
    ])
  })

  it('of less than an hour are minutes alone', () => {
    expect(show(sumPieces(window('09:10', '09:50'), at('12:31')))).toEqual(['minutes 09:10-09:50'])
  })

  it('are live alone while nothing is rolled up, or after it', () => {
    expect(show(sumPieces(window('09:10', '12:35'), at('08:00')))).toEqual(['live 09:10-12:35'])
    expect(show(seriesPieces(window('12:00', '12:35'), at('11:30')))).toEqual(['live 12:00-12:35'])
  })

  it('cover the window once, whatever is rolled up', () => {
    for (const rolled of ['08:00', '09:10', '09:40', '10:00', '11:59', '12:00', '12:20', '13:00']) {
      for (const stepMs of [60_000, 3_600_000]) {
        const whole = stepMs === 3_600_000
        const asked = window(whole ? '09:00' : '09:10', whole ? '13:00' : '12:20', stepMs)
        for (const pieces of [seriesPieces(asked, at(rolled)), sumPieces(asked, at(rolled))]) {
          expect(pieces[0]?.fromMs).toBe(asked.fromMs)
          expect(pieces.at(-1)?.toMs).toBe(asked.toMs)
          pieces.slice(1).forEach((piece, index) => {
            expect(piece.fromMs).toBe(pieces[index]?.toMs)
          })
        }
      }
    }
  })
})
