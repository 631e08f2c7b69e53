import { describe, expect, test } from 'vitest'
import { NO_TURNS, takeTurn, type RateState } from '../../../lib/domain/rate-limit.ts'

const FIFTY = { limit: 50, perSeconds: 1 }

/** Asks at these times, one after the other. */
const ask = (times: readonly number[], change: { share?: number; claimed?: boolean } = {}) => {
  let state: RateState = NO_TURNS
  return times.map((nowMs) => {
    const taken = takeTurn(state, { limit: FIFTY, nowMs, share: 1, claimed: false, ...change })
    state = taken.state
    const { kind, waitMs } = taken.turn
    return `${kind} ${Math.round(waitMs)}`
  })
}

describe('the turns of a rate limit', () => {
  test('are the distance of the limit apart, and taken a little before they come', () => {
    expect(ask([0, 0, 0])).toEqual(['now 100', 'now 120', 'now 140'])
  })

  test('that are far are not taken: those who ask come again one after the other', () => {
    expect(ask(Array<number>(9).fill(0)).slice(5)).toEqual([
      'now 200',
      'later 220',
      'later 239',
      'later 258',
    ])
  })

  test('are not saved up while nobody asks', () => {
    expect(ask([0, 10_000, 10_000])).toEqual(['now 100', 'now 100', 'now 120'])
  })

  test('are taken at any distance by who has claimed and was late', () => {
    expect(ask([0, 0], { claimed: true })).toEqual(['now 0', 'now 20'])
    expect(ask(Array<number>(30).fill(0), { claimed: true }).at(-1)).toBe('now 580')
  })

  test('are fewer by its share for one worker of four', () => {
    expect(ask([0, 0], { share: 1 / 4 })).toEqual(['now 100', 'now 180'])
  })

  test('keep the limit over a minute', () => {
    const turns = Array.from({ length: 60_000 }, (_, nowMs) => nowMs)
    expect(ask(turns).filter((turn) => turn.startsWith('now'))).toHaveLength(3_005)
  })
})
