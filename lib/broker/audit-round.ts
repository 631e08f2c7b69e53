// Adds the log up, piece by piece, after a sweep and with a little of its time, so that a delivery which was lost or made
// up is noticed without anybody asking for the audit. It repairs nothing.

import { isBalanced } from './audit.ts'
import type { AuditRounds, Clock, Log } from './ports.ts'

export type AuditRound = () => Promise<void>

export type AuditRoundDeps = {
  rounds: AuditRounds
  retentionDays: number
  clock: Clock
  log: Log
}

// A piece with 10,000 deliveries took 66 ms on a busy machine. Whatever is left waits for the next sweep.
const BUDGET_MS = 2_000
const MESSAGES_PER_PIECE = 5_000
const DAY_MS = 86_400_000

/** Never throws: a check that is late is no reason for a sweep to fail. What is off is an error-level line. */
export const makeAuditRound =
  ({ rounds, retentionDays, clock, log }: AuditRoundDeps): AuditRound =>
  async () => {
    const startedMs = clock.elapsedMs()
    // Older days are on their way out.
    const oldestMs = clock.nowMs() - retentionDays * DAY_MS
    try {
      for (;;) {
        const piece = await rounds.next(MESSAGES_PER_PIECE, oldestMs)
        if (piece === undefined) return
        const { days, fromId, untilId, more } = piece
        for (const day of days) {
          if (!isBalanced(day)) log.error('audit.mismatch', { ...day, fromId, untilId })
        }
        if (!more || clock.elapsedMs() - startedMs >= BUDGET_MS) return
      }
    } catch (error) {
      log.warn('audit.failed', { error })
    }
  }
