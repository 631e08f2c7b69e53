// A claim's time, as the process that holds it sees it: it measures with its own clock what the database has granted.

import type { Claim, Clock } from './ports.ts'

export type Lease = {
  /** The database's time now, from the claim's and what has passed since. */
  dbNowMs(): number
  /** W4: whether an attempt that starts now ends before the lease does. */
  mayStillSend(): boolean
  lostBeforeSending(): boolean
  /** Whether the claim can no longer be ours. */
  over(): boolean
}

export type LeaseDeps = {
  clock: Clock
  /** For a process that is ended from outside: how long it has left. An attempt that may last longer is not begun. */
  remainingMs?: () => number
}

/** @param startedMs `elapsedMs` before the claim was asked for, so that the lease is never thought longer than it is */
export const makeLease = (
  { clock, remainingMs = () => Infinity }: LeaseDeps,
  claim: Claim,
  startedMs: number,
): Lease => {
  const lengthMs = claim.leaseUntilMs - claim.claimedAtMs
  const passedMs = () => clock.elapsedMs() - startedMs
  let lost = false
  return {
    dbNowMs: () => claim.claimedAtMs + passedMs(),
    mayStillSend: () => {
      lost = passedMs() + claim.timeoutMs > lengthMs || claim.timeoutMs > remainingMs()
      return !lost
    },
    lostBeforeSending: () => lost,
    over: () => passedMs() >= lengthMs,
  }
}
