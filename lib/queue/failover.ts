// When a worker delivers straight from Postgres, and when it goes back to the queue. Both ways may be open at once, so
// going over is never wrong, only more work for Postgres.

import type { Clock, Log } from '../broker/ports.ts'
import { makeAlarm } from './alarm.ts'
import type { DirectDispatcher } from './direct.ts'

export type FailoverDeps = {
  direct: Pick<DirectDispatcher, 'resume' | 'finish'>
  /** Whether Redis holds the incarnation key: after a loss it does only when a sweep has begun the repair. Rejects, in a
   *  bounded time, when Redis does not answer or refuses to write. */
  holdsIncarnation(): Promise<boolean>
  /** How often a Redis that seems well is asked: one that is frozen breaks no connection. */
  heartbeatMs: number
  clock: Clock
  log: Log
}

export type Failover = {
  /** To be told of every failure and recovery of the worker's connections. */
  onConnection(state: 'failed' | 'ready'): void
  close(): void
}

const FAILURES = 3
const WITHIN_MS = 2_000
const ASK_AGAIN_MS = 1_000

/** Over after 3 failures within 2 s, or 3 questions in a row without an answer; back when Redis holds the incarnation,
 *  and Postgres is drained first. */
export const makeFailover = (deps: FailoverDeps): Failover => {
  const { direct, holdsIncarnation, heartbeatMs, clock, log } = deps
  const alarm = makeAlarm(clock)
  let closed = false
  let over = false
  let failedAtMs: number[] = []
  let unanswered = 0

  const goOver = (reason: string) => {
    over = true
    direct.resume()
    log.warn('dispatcher.direct', { reason })
  }
  const goBack = () => {
    over = false
    failedAtMs = []
    direct.finish()
    log.info('dispatcher.queue', {})
  }
  /** A Redis that answers one connection and drops the other is not back. */
  const calm = () => failedAtMs.every((atMs) => clock.elapsedMs() - atMs >= WITHIN_MS)
  const ask = async () => {
    try {
      const held = await holdsIncarnation()
      unanswered = 0
      if (over && held && !closed && calm()) goBack()
    } catch {
      unanswered += 1
      if (!over && !closed && unanswered >= FAILURES)
        goOver('Redis does not answer, or refuses to write')
    }
  }
  const isClosed = () => closed
  const watch = async () => {
    for (;;) {
      await alarm.rest(over || unanswered > 0 ? ASK_AGAIN_MS : heartbeatMs)
      if (isClosed()) return
      await ask()
    }
  }
  void watch()

  return {
    onConnection: (state) => {
      if (state === 'ready' || closed) return
      const nowMs = clock.elapsedMs()
      failedAtMs = [...failedAtMs.filter((atMs) => nowMs - atMs < WITHIN_MS), nowMs]
      if (over || failedAtMs.length < FAILURES) return
      goOver('the connection to Redis fails')
      alarm.ring()
    },
    close: () => {
      closed = true
      alarm.ring()
    },
  }
}
