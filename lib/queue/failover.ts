// When a worker delivers straight from Postgres, and when it goes back to the queue. Both ways may be open at once, so
// going over is never wrong, only more work for Postgres.

import type { Clock, Log } from '../broker/ports.ts'
import type { DirectDispatcher } from './direct.ts'

export type FailoverDeps = {
  direct: Pick<DirectDispatcher, 'resume' | 'finish'>
  /** Whether Redis holds the incarnation key: after a loss it does only when a sweep has begun the repair. */
  holdsIncarnation(): Promise<boolean>
  clock: Clock
  log: Log
}

export type Failover = {
  /** To be told of every failure and recovery of the connection. */
  onConnection(state: 'failed' | 'ready'): void
  close(): void
}

const FAILURES = 3
const WITHIN_MS = 2_000
const ASK_AGAIN_MS = 1_000

/** Over after 3 failures within 2 s; back when Redis holds the incarnation, and Postgres is drained first. */
export const makeFailover = ({ direct, holdsIncarnation, clock, log }: FailoverDeps): Failover => {
  const closed = new AbortController()
  let failedAtMs: number[] = []
  let over = false
  let returning = false

  const goBack = async () => {
    returning = true
    while (!closed.signal.aborted) {
      if (await holdsIncarnation().catch(() => false)) break
      await clock.wait(ASK_AGAIN_MS, closed.signal)
    }
    returning = false
    if (closed.signal.aborted) return
    over = false
    failedAtMs = []
    direct.finish()
    log.info('dispatcher.queue', {})
  }

  return {
    onConnection: (state) => {
      if (state === 'ready') {
        if (over && !returning) void goBack()
        return
      }
      const nowMs = clock.elapsedMs()
      failedAtMs = [...failedAtMs.filter((atMs) => nowMs - atMs < WITHIN_MS), nowMs]
      if (over || failedAtMs.length < FAILURES) return
      over = true
      direct.resume()
      log.warn('dispatcher.direct', { reason: 'Redis does not answer' })
    },
    close: () => closed.abort(),
  }
}
