// The arithmetic of a webhook's rate limit: a token bucket that holds one token, which is to say, turns at even distances
// (GCRA). Used as it is while Redis is away; the script in queue/limits/ does the same for all workers together.

import type { RateLimit } from './webhook.ts'

/** When a delivery is to be sent: in a moment (the turn is taken, and claiming must not move it), or later (nothing is
 *  taken, ask again then). */
export type Turn = { kind: 'now'; waitMs: number } | { kind: 'later'; waitMs: number }

/** What is kept of a webhook. Times of one clock, in ms. */
export type RateState = {
  /** When the turn after the last one taken would be. */
  nextMs: number
  /** When the last of those that were sent away comes again. */
  tailMs: number
}

export const NO_TURNS: RateState = { nextMs: 0, tailMs: 0 }

// A turn is taken so long before it comes: the claim in between takes a few milliseconds, or a hundred, and if those who
// were late came together the limit would be broken.
export const LEAD_MS = 100
// One that is nearer than this is taken and waited for: sending the delivery away would cost more.
export const MAX_WAIT_MS = 200
// Those that wait come back a little closer together than turns are given out, so that none is missed.
const DENSER = 1.05
// Who has missed a turn by more than this takes another one.
export const LATE_MS = 20

/** Distance of two turns. */
export const spacingMs = ({ limit, perSeconds }: RateLimit): number => (perSeconds * 1_000) / limit

export type Asking = {
  limit: RateLimit
  nowMs: number
  /** 1 for the whole limit, less for one worker's part of it. */
  share: number
  /** It is claimed already: the turn is taken however far away it is. */
  claimed: boolean
}

export const takeTurn = (
  { nextMs, tailMs }: RateState,
  { limit, nowMs, share, claimed }: Asking,
): { state: RateState; turn: Turn } => {
  const everyMs = spacingMs(limit) / share
  const leadMs = claimed ? 0 : LEAD_MS
  const turnMs = Math.max(nowMs + leadMs, nextMs)
  if (claimed || turnMs - nowMs <= MAX_WAIT_MS) {
    const state = { nextMs: turnMs + everyMs, tailMs }
    return { state, turn: { kind: 'now', waitMs: turnMs - nowMs } }
  }
  const atMs = Math.max(nextMs, tailMs)
  return {
    state: { nextMs, tailMs: atMs + everyMs / DENSER },
    turn: { kind: 'later', waitMs: atMs - nowMs },
  }
}
