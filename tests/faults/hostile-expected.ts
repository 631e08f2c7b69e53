// What becomes of an attempt at each kind of misbehaving receiver, written out (F10); docs/guarantees.md says the same.

import type { HostileKind } from './hostile-receiver-process.ts'
import type { HostileAttempt } from './hostile-scenario.ts'

type Expected = Pick<HostileAttempt, 'outcome' | 'code' | 'statusCode'> & {
  /** Whether it lasts until the timeout. */
  timesOut: boolean
}

/** A status that arrived counts, whatever becomes of the body; a redirect is not followed. */
const EXPECTED: Readonly<Record<HostileKind, Expected>> = {
  silent: { outcome: 'failed', code: 'timeout', statusCode: null, timesOut: true },
  'slow-headers': { outcome: 'failed', code: 'timeout', statusCode: null, timesOut: true },
  'slow-body': { outcome: 'succeeded', code: 'http_status', statusCode: 200, timesOut: true },
  'slow-failure': { outcome: 'failed', code: 'http_status', statusCode: 500, timesOut: true },
  'never-close': { outcome: 'succeeded', code: 'http_status', statusCode: 200, timesOut: true },
  gigabyte: { outcome: 'succeeded', code: 'http_status', statusCode: 200, timesOut: false },
  redirect: { outcome: 'failed', code: 'http_status', statusCode: 301, timesOut: false },
  reset: { outcome: 'failed', code: 'reset', statusCode: null, timesOut: false },
  garbage: { outcome: 'failed', code: 'protocol', statusCode: null, timesOut: false },
  'bad-certificate': { outcome: 'failed', code: 'tls', statusCode: null, timesOut: false },
  'no-tls': { outcome: 'failed', code: 'tls', statusCode: null, timesOut: false },
}

const MAX_KEPT_BYTES = 8_192

// A worker whose machine stands still notices a timeout late: seen up to 0.7 s with a load of 25 on two cores. A deadline
// that does not hold would be late for every attempt of its kind, which the median shows.
const STALLED = 1.5

/**
 * @returns what is not as it should be, in words. A timeout is never early, and in the median at most 10 % late.
 */
export const surprises = (attempts: readonly HostileAttempt[], timeoutMs: number): string[] => [
  ...attempts
    .filter((attempt) => !isExpected(attempt, timeoutMs))
    .map((one) => JSON.stringify(one)),
  ...Object.entries(EXPECTED)
    .filter(([, { timesOut }]) => timesOut)
    .map(([kind]) => ({ kind, medianMs: medianMs(attempts, kind) }))
    .filter(({ medianMs: ms }) => ms !== undefined && ms > timeoutMs * 1.1)
    .map(({ kind, medianMs: ms }) => `${kind} took ${ms} ms in the median`),
]

const isExpected = (attempt: HostileAttempt, timeoutMs: number): boolean => {
  const wanted = EXPECTED[attempt.kind as HostileKind]
  const { durationMs } = attempt
  const inTime = wanted.timesOut
    ? durationMs >= timeoutMs * 0.9 && durationMs <= timeoutMs * STALLED
    : durationMs < timeoutMs
  return (
    inTime &&
    attempt.outcome === wanted.outcome &&
    attempt.code === wanted.code &&
    attempt.statusCode === wanted.statusCode &&
    attempt.bodyBytes <= MAX_KEPT_BYTES
  )
}

const medianMs = (attempts: readonly HostileAttempt[], kind: string): number | undefined => {
  const durations = attempts.filter((attempt) => attempt.kind === kind).map((a) => a.durationMs)
  return durations.sort((a, b) => a - b)[Math.floor(durations.length / 2)]
}
