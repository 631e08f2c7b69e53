// When the next attempt is made. One place for the formula: the log, the queue and the tests all use its answer.

/** Delays in milliseconds between attempts: n delays make n + 1 attempts. */
export type RetrySchedule = readonly number[]

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const MAX_DELAY_MS = 30 * 86_400_000

/** A receiver may lengthen the wait with Retry-After, at most to this. */
export const MAX_RETRY_AFTER_MS = 24 * 3_600_000

/**
 * Reads `5s,30s,2m,10m,30m,2h,5h,10h,24h,24h`.
 *
 * @returns the delays, or undefined when any part is not a whole number with a unit (ms, s, m, h, d) or is over 30 days
 */
export const parseRetrySchedule = (text: string): RetrySchedule | undefined => {
  const delays: number[] = []
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,9})(ms|s|m|h|d)\s*$/.exec(part)
    if (match === null) return undefined
    const delayMs = Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? Number.NaN)
    if (!(delayMs <= MAX_DELAY_MS)) return undefined
    delays.push(delayMs)
  }
  return delays
}

export type DelayInput = {
  schedule: RetrySchedule
  /** How many attempts of this series have failed before this one; crashes do not count. */
  stepsUsed: number
  /** Width of the jitter, 0 to 1: the delay is multiplied by a number in 1 ± jitter/2. */
  jitter: number
  /** A number in [0, 1), injected. */
  random: number
  /** What the receiver asked for, if anything readable. */
  retryAfterMs: number | undefined
}

/**
 * @returns milliseconds until the next attempt, or undefined when the schedule is used up
 */
export const nextDelayMs = (input: DelayInput): number | undefined => {
  const base = input.schedule[input.stepsUsed]
  if (base === undefined) return undefined
  const jittered = Math.round(base * (1 + input.jitter * (input.random - 0.5)))
  const asked = Math.min(input.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)
  return Math.max(jittered, asked)
}

/**
 * Reads a Retry-After header (RFC 9110 §10.2.3): whole seconds or an HTTP date.
 *
 * @param nowMs the moment the answer arrived, by the same clock that wrote the date
 * @returns milliseconds from now, or undefined for past, negative and unreadable values, which change nothing
 */
export const parseRetryAfter = (value: string | undefined, nowMs: number): number | undefined => {
  if (value === undefined) return undefined
  const text = value.trim()
  if (/^\d{1,15}$/.test(text)) {
    const delayMs = Number(text) * 1000
    return delayMs > 0 ? delayMs : undefined
  }
  // Only a real HTTP date: Date.parse alone also reads "-5" and "1" as years.
  if (!/^[A-Z][a-z]{2,8}, .*\d{2}:\d{2}:\d{2} GMT$/.test(text)) return undefined
  const delayMs = Date.parse(text) - nowMs
  return delayMs > 0 ? delayMs : undefined
}
