import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DELIVERY_STATUSES,
  isLegalMove,
  isOpen,
  waitingFor,
  type WaitingFacts,
} from '../../../lib/domain/delivery.ts'

describe('the status of a delivery', () => {
  test('is open while the broker means to attempt it', () => {
    expect(DELIVERY_STATUSES.filter(isOpen)).toEqual(['pending', 'retrying'])
  })

  test('may take these steps and no others', () => {
    const legal = DELIVERY_STATUSES.flatMap((from) =>
      DELIVERY_STATUSES.filter((to) => isLegalMove(from, to)).map((to) => `${from} -> ${to}`),
    )
    expect(legal).toEqual([
      'pending -> retrying',
      'pending -> delivered',
      'pending -> dead',
      'pending -> cancelled',
      'retrying -> pending',
      'retrying -> retrying',
      'retrying -> delivered',
      'retrying -> dead',
      'retrying -> cancelled',
      'delivered -> pending',
      'dead -> pending',
      'dead -> delivered',
      'cancelled -> pending',
      'cancelled -> delivered',
    ])
  })

  test('once delivered is left by a replay only, along any path', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...DELIVERY_STATUSES)), (path) => {
        let status: (typeof path)[number] = 'pending'
        for (const next of path) {
          if (!isLegalMove(status, next)) continue
          if (status === 'delivered') expect(next).toBe('pending')
          status = next
        }
      }),
    )
  })
})

describe('why a delivery is not delivered yet', () => {
  const now = new Date('2026-01-31T12:00:00Z')
  const later = new Date('2026-01-31T12:01:00Z')
  const facts: WaitingFacts = {
    status: 'retrying',
    now,
    leaseUntil: null,
    nextAttemptAt: now,
    parked: null,
    breakerUntil: null,
  }

  test('nothing is waited for once it has ended', () => {
    expect(waitingFor({ ...facts, status: 'delivered' })).toBeNull()
    expect(waitingFor({ ...facts, status: 'dead', leaseUntil: later })).toBeNull()
  })

  test('it is in flight until the lease ends', () => {
    expect(waitingFor({ ...facts, leaseUntil: later })).toEqual({
      reason: 'in_flight',
      until: later,
    })
  })

  test('a lease that has ended says nothing', () => {
    expect(waitingFor({ ...facts, leaseUntil: now })).toEqual({ reason: 'queued', until: null })
  })

  test('it backs off until the next attempt', () => {
    expect(waitingFor({ ...facts, nextAttemptAt: later })).toEqual({
      reason: 'backoff',
      until: later,
    })
  })

  test('it waits for an operator while the webhook is disabled', () => {
    expect(waitingFor({ ...facts, parked: 'webhook_disabled', nextAttemptAt: later })).toEqual({
      reason: 'webhook_disabled',
      until: null,
    })
  })

  test('it waits for the breaker or the rate limit until a time', () => {
    expect(waitingFor({ ...facts, parked: 'breaker_open', breakerUntil: later })).toEqual({
      reason: 'breaker_open',
      until: later,
    })
    expect(waitingFor({ ...facts, parked: 'rate_limited', nextAttemptAt: later })).toEqual({
      reason: 'rate_limited',
      until: later,
    })
  })

  test('it is queued while attempts of its own webhook must end first', () => {
    expect(waitingFor({ ...facts, parked: 'capped', nextAttemptAt: later })).toEqual({
      reason: 'queued',
      until: null,
    })
  })
})
