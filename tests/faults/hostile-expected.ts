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

/** @returns the attempts that ended otherwise, in words; a timeout may be missed by 10 % */
export const surprises = (attempts: readonly HostileAttempt[], timeoutMs: number): string[] =>
  attempts
    .filter((attempt) => {
      const wanted = EXPECTED[attempt.kind as HostileKind]
      const inTime = wanted.timesOut
        ? attempt.durationMs >= timeoutMs * 0.9 && attempt.durationMs <= timeoutMs * 1.1
        : attempt.durationMs < timeoutMs
      return !(
        inTime &&
        attempt.outcome === wanted.outcome &&
        attempt.code === wanted.code &&
        attempt.statusCode === wanted.statusCode &&
        attempt.bodyBytes <= MAX_KEPT_BYTES
      )
    })
    .map((attempt) => JSON.stringify(attempt))
