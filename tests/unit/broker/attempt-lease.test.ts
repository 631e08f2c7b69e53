import { describe, expect, test } from 'vitest'
import type { ClaimOutcome } from '../../../lib/broker/ports.ts'
import { BrokerError } from '../../../lib/domain/errors.ts'
import { claim, setUpAttempt } from '../../support/attempt-kit.ts'
import { makeManualClock } from '../../support/fakes/manual-clock.ts'

describe('the lease', () => {
  test('that would end before the attempt does stops it, and that costs no step', async () => {
    // timeout 1,000 and margin 500: after 501 ms an attempt could outlive its lease.
    const clock = makeManualClock()
    const { attempts, steps, results } = setUpAttempt({}, { clock })
    await clock.advance(501)
    expect(await attempts.claimed(claim, 0)).toEqual({
      kind: 'retry',
      delayMs: 1_000,
      generation: 7,
    })
    expect(steps).not.toContain('send')
    expect(results[0]?.plan).toEqual({ kind: 'retry', delayMs: 1_000, usesStep: false })
  })

  test('is long enough to the last moment', async () => {
    const clock = makeManualClock()
    const { attempts, steps } = setUpAttempt({}, { clock })
    await clock.advance(500)
    await attempts.claimed(claim, 0)
    expect(steps).toContain('send')
  })
})

describe('a result that Postgres does not take', () => {
  const unavailable = new BrokerError('log_unavailable', 'no')

  test('is sent again until it is taken', async () => {
    let failures = 3
    const { attempts, clock, results } = setUpAttempt({
      record: () => {
        failures -= 1
        return failures >= 0
          ? Promise.reject(unavailable)
          : Promise.resolve({
              status: 'delivered',
              fenced: false,
              nextAttemptAtMs: null,
              generation: 0,
              dbNowMs: 0,
              disabled: null,
              noted: false,
            })
      },
    })
    const verdict = attempts.byId('dlv_1')
    await clock.advance(600)
    expect(await verdict).toEqual({ kind: 'done' })
    expect(results).toHaveLength(4)
  })

  test('is given up when the lease has ended: the next attempt belongs to another', async () => {
    const { attempts, clock } = setUpAttempt({ record: () => Promise.reject(unavailable) })
    const verdict = attempts.byId('dlv_1').catch((error: unknown) => error)
    await clock.advance(1_600)
    expect(await verdict).toBe(unavailable)
  })

  test('for a reason of its own is not sent again', async () => {
    const refused = new BrokerError('internal_error', 'refused')
    const { attempts, results } = setUpAttempt({ record: () => Promise.reject(refused) })
    await expect(attempts.byId('dlv_1')).rejects.toBe(refused)
    expect(results).toHaveLength(1)
  })
})

describe('a refused claim', () => {
  test.each<[ClaimOutcome, unknown]>([
    [{ kind: 'finished' }, { kind: 'done' }],
    [{ kind: 'gone' }, { kind: 'done' }],
    [{ kind: 'parked', reason: 'webhook_disabled' }, { kind: 'done' }],
    [{ kind: 'locked' }, { kind: 'later', delayMs: 1_000 }],
    [
      { kind: 'leased', untilMs: 7_000, dbNowMs: 4_000 },
      { kind: 'later', delayMs: 3_000 },
    ],
    [
      { kind: 'not_due', atMs: 4_000, dbNowMs: 4_000 },
      { kind: 'later', delayMs: 1 },
    ],
    [
      { kind: 'not_due', atMs: 604_000, dbNowMs: 4_000 },
      { kind: 'later', delayMs: 600_000 },
    ],
    [{ kind: 'not_due', atMs: 604_001, dbNowMs: 4_000 }, { kind: 'done' }],
  ])('%j means %j', async (outcome, verdict) => {
    const { attempts, steps } = setUpAttempt({ outcome })
    expect(await attempts.byId('dlv_1')).toEqual(verdict)
    expect(steps).toEqual(['W1', 'claim'])
  })
})
