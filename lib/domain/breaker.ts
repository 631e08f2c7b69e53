// The breaker of a webhook: when its receiver counts as broken, and how long it is left alone. It counts and plans; where
// the state is kept is not its concern.

/** What is remembered of a webhook's attempts. */
export type Tally = {
  /** Failures since the last success. */
  failures: number
  /** Whether each of the last attempts timed out, newest last. */
  recent: readonly boolean[]
}

/** How an attempt ended, as far as it says something about the receiver. */
export type Ending = 'succeeded' | 'failed' | 'timed_out' | 'says_nothing'

export const CLEAN: Tally = { failures: 0, recent: [] }

const RECENT = 20
const MAX_OPEN_MS = 900_000
// After an outage of five minutes the return is noticed within one, after an hour within twelve.
const SHARE_OF_OUTAGE = 5

/** @param breakerFailures BROKER_BREAKER_FAILURES; 0 = never */
export const tallied = (
  tally: Tally,
  ending: Ending,
  breakerFailures: number,
): { tally: Tally; trips: boolean } => {
  if (ending === 'says_nothing') return { tally, trips: false }
  const failures = ending === 'succeeded' ? 0 : tally.failures + 1
  const recent = [...tally.recent, ending === 'timed_out'].slice(-RECENT)
  const timeouts = recent.filter(Boolean).length
  const mostlyTimesOut = recent.length === RECENT && timeouts > RECENT / 2
  const trips =
    breakerFailures > 0 && ending !== 'succeeded' && (failures >= breakerFailures || mostlyTimesOut)
  // What led to the opening has been dealt with: after it, counting begins anew.
  return { tally: trips ? CLEAN : { failures, recent }, trips }
}

export type Outage = {
  /** How often the breaker has opened since the last success; 0 before the first time. */
  opens: number
  /** How long the webhook has failed without one success. */
  failingForMs: number
}

/**
 * How long the breaker stays open before one probe is let through. It doubles with each probe that failed, but is never
 * more than a fifth of the outage so far: doubling alone would notice the end of ten minutes up to eight minutes late.
 *
 * @param openMs BROKER_BREAKER_OPEN_MS, the first and the shortest time
 */
export const openForMs = ({ opens, failingForMs }: Outage, openMs: number): number =>
  Math.max(openMs, Math.min(openMs * 2 ** opens, failingForMs / SHARE_OF_OUTAGE, MAX_OPEN_MS))

/** A webhook that fails so long without one success is disabled. */
export const DISABLE_AFTER_MS = 5 * 86_400_000
