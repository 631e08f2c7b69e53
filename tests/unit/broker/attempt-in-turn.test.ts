// An attempt at a webhook with a rate limit: it asks for its turn, and waits for it without burning an attempt.

import { describe, expect, test } from 'vitest'
import type { ClaimOutcome } from '../../../lib/broker/ports.ts'
import type { Turn } from '../../../lib/domain/rate-limit.ts'
import { claim, setUpAttempt } from '../../support/attempt-kit.ts'
import { settle } from '../../support/fakes/manual-clock.ts'

const NEEDS_TURN: ClaimOutcome = {
  kind: 'needs_turn',
  deliveryId: 'dlv_1',
  webhookId: 'wh_1',
  rateLimit: { limit: 50, perSeconds: 1 },
}

/** @param turns what is answered, one after the other */
const setUp = (turns: Turn[], onClaim: () => Promise<void> = () => Promise.resolve()) => {
  const asked: unknown[][] = []
  const postponed: unknown[][] = []
  const kit = setUpAttempt()
  const { attempts } = setUpAttempt(
    {},
    {
      clock: kit.clock,
      deliveryLog: {
        claim: async (_id, _token, hasTurn) => {
          if (hasTurn !== true) return NEEDS_TURN
          await onClaim()
          return { kind: 'claimed', claim }
        },
        postpone: (...given) => {
          postponed.push(given)
          return Promise.resolve()
        },
        record: () =>
          Promise.resolve({
            status: 'delivered',
            fenced: false,
            nextAttemptAtMs: null,
            generation: 0,
            dbNowMs: 0,
            disabled: null,
            noted: false,
          }),
      },
      sender: {
        send: () => {
          sentAtMs.push(kit.clock.elapsedMs())
          return Promise.reject(new Error('enough'))
        },
      },
      turns: {
        take: (...given) => {
          asked.push(given)
          return Promise.resolve(turns.shift() ?? { kind: 'now', waitMs: 0 })
        },
      },
    },
  )
  const sentAtMs: number[] = []
  return { clock: kit.clock, attempts, asked, postponed, sentAtMs }
}

describe('an attempt in its turn', () => {
  test('is claimed ahead and sent when the turn comes', async () => {
    const { attempts, clock, sentAtMs } = setUp([{ kind: 'now', waitMs: 150 }])
    const run = attempts.byId('dlv_1').catch(() => undefined)
    await clock.advance(149)
    expect(sentAtMs).toEqual([])
    await clock.advance(1)
    await run
    expect(sentAtMs).toEqual([150])
  })

  test('whose turn is later is put off, and its job with it', async () => {
    const { attempts, postponed, sentAtMs } = setUp([{ kind: 'later', waitMs: 90_000 }])
    expect(await attempts.byId('dlv_1')).toEqual({ kind: 'later', delayMs: 90_000 })
    expect(postponed).toEqual([['dlv_1', 90_000]])
    expect(sentAtMs).toEqual([])
  })

  test('whose turn is in more than ten minutes leaves the queue', async () => {
    const { attempts } = setUp([{ kind: 'later', waitMs: 600_001 }])
    expect(await attempts.byId('dlv_1')).toEqual({ kind: 'done' })
  })

  test('that missed its turn takes another one before it is sent', async () => {
    const slow = { clock: undefined as ReturnType<typeof setUp>['clock'] | undefined }
    const { attempts, clock, asked, sentAtMs } = setUp(
      [
        { kind: 'now', waitMs: 100 },
        { kind: 'now', waitMs: 60 },
      ],
      async () => slow.clock?.wait(300),
    )
    slow.clock = clock
    const run = attempts.byId('dlv_1').catch(() => undefined)
    await clock.advance(300)
    await settle()
    expect(asked).toHaveLength(2)
    expect(asked[1]?.[2]).toBe(true)
    await clock.advance(60)
    await run
    expect(sentAtMs).toEqual([360])
  })
})
