// How long a lost connection waits before it is asked for again: at once at first, then ever longer.

const FIRST_MS = 20

/** @param attempt 1 for the first one @param maxMs the longest wait */
export const reconnectAfterMs = (attempt: number, maxMs: number): number =>
  Math.min(FIRST_MS * 2 ** Math.min(attempt - 1, 9), maxMs)
