import { describe, expect, test } from 'vitest'
import { judge, planAfter, type PlanInput, type SendOutcome } from '../../../lib/domain/attempt.ts'

const answered = (statusCode: number, headers: Record<string, string> = {}): SendOutcome => ({
  kind: 'answered',
  response: { statusCode, headers, body: new Uint8Array(), bodyBroken: false },
})
const failed = (change: Partial<SendOutcome & { kind: 'failed' }> = {}): SendOutcome => ({
  kind: 'failed',
  code: 'reset',
  detail: '',
  permanent: false,
  staleConnection: false,
  ...change,
})
const input = (outcome: SendOutcome, change: Partial<PlanInput> = {}): PlanInput => ({
  outcome,
  schedule: [5_000, 30_000],
  stepsUsed: 0,
  jitter: 0,
  random: 0.5,
  nowMs: Date.parse('2026-01-31T12:00:00Z'),
  previousWasStale: false,
  ...change,
})

// O-RETRY-2: all 4xx were dropped at once, or 404 and 410 were retried without end, or a 3xx counted as success.
describe('what an answer means', () => {
  test.each([200, 201, 204, 299])('%i is delivered', (status) => {
    expect(judge(answered(status))).toBe('succeeded')
    expect(planAfter(input(answered(status)))).toEqual({ kind: 'delivered' })
  })

  test.each([199, 300, 301, 302, 304, 400, 401, 404, 408, 425, 429, 500, 501, 503, 600, 999])(
    '%i is worth another attempt',
    (status) => {
      expect(planAfter(input(answered(status)))).toEqual({
        kind: 'retry',
        delayMs: 5_000,
        usesStep: true,
      })
    },
  )

  test('410 ends the delivery and disables the webhook', () => {
    expect(planAfter(input(answered(410)))).toEqual({
      kind: 'dead',
      reason: 'gone',
      disablesWebhook: true,
    })
  })

  test('a broken body after a 2xx is delivered all the same (O-RETRY-5)', () => {
    const outcome: SendOutcome = {
      kind: 'answered',
      response: { statusCode: 200, headers: {}, body: new Uint8Array(3), bodyBroken: true },
    }
    expect(planAfter(input(outcome))).toEqual({ kind: 'delivered' })
  })

  test('Retry-After on a 200 changes nothing', () => {
    expect(planAfter(input(answered(200, { 'retry-after': '60' })))).toEqual({ kind: 'delivered' })
  })

  test.each([
    ['60', 60_000],
    ['Sat, 31 Jan 2026 12:01:00 GMT', 60_000],
    ['-5', 5_000],
    ['abc', 5_000],
    ['1000000000', 86_400_000],
  ])('Retry-After %j on a 429 makes the wait %i ms', (value, delayMs) => {
    expect(planAfter(input(answered(429, { 'retry-after': value })))).toEqual({
      kind: 'retry',
      delayMs,
      usesStep: true,
    })
  })
})

describe('what a failure without an answer means', () => {
  test('it is worth another attempt', () => {
    expect(planAfter(input(failed({ code: 'timeout' })))).toEqual({
      kind: 'retry',
      delayMs: 5_000,
      usesStep: true,
    })
  })

  test('the schedule used up is the end', () => {
    expect(planAfter(input(failed(), { stepsUsed: 2 }))).toEqual({
      kind: 'dead',
      reason: 'schedule_exhausted',
      disablesWebhook: false,
    })
  })

  test('a URL that itself names a forbidden address is the end', () => {
    expect(planAfter(input(failed({ code: 'blocked_address', permanent: true })))).toEqual({
      kind: 'dead',
      reason: 'blocked_address',
      disablesWebhook: false,
    })
  })

  test('a name that resolved to a forbidden address is asked again', () => {
    expect(planAfter(input(failed({ code: 'blocked_address' })))).toMatchObject({ kind: 'retry' })
  })

  // O-RETRY-6: a pooled socket that the peer had just closed made a healthy receiver look broken.
  test('a stale keep-alive connection is repeated at once and costs no step', () => {
    expect(planAfter(input(failed({ staleConnection: true })))).toEqual({
      kind: 'retry',
      delayMs: 0,
      usesStep: false,
    })
  })

  test('twice in a row it is a failure like any other, so it cannot go on for ever', () => {
    const again = input(failed({ staleConnection: true }), { previousWasStale: true })
    expect(planAfter(again)).toEqual({ kind: 'retry', delayMs: 5_000, usesStep: true })
  })
})
