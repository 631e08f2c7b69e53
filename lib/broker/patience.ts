// How long a request waits for Redis: one budget per trigger, and none at all for a second once Redis has let us wait
// twice. Redis makes things fast; a slow Redis must not make them slow. It knows nothing of Redis itself.

import { TIMED_OUT, within } from '../domain/time-limit.ts'
import type { Clock, Log } from './ports.ts'

/** One budget for a trigger with up to 1,000 jobs; each further 1,000 jobs bring another. */
export const REDIS_BUDGET_MS = 300

/** QStash is another service, over the internet; what is not handed over by then the sweep hands over. */
export const QSTASH_BUDGET_MS = 2_000

const TIMEOUTS_BEFORE_SKIPPING = 2
const SKIP_MS = 1_000

export type Budget = {
  /** Runs it within what is left. @returns undefined when it failed, took too long or was skipped */
  attempt<T>(run: () => Promise<T>, extraMs?: number): Promise<T | undefined>
}

export type Patience = {
  start(budgetMs: number): Budget
  /** For handing deliveries over: what is left of a budget for Redis or a new one, unless the dispatcher is another
   *  service, which has a budget of its own and whose silence says nothing about Redis. */
  handOver(shared?: Budget): Budget
}

/** A dispatcher that is not Redis: by which name it is logged, and how long it may take. */
export type Dispatcher = { name: string; budgetMs: number }

export type PatienceDeps = { clock: Clock; log: Log; dispatcher?: Dispatcher | undefined }

/** Builds the patience that all requests of one process share. */
export const makePatience = ({ clock, log, dispatcher }: PatienceDeps): Patience => {
  const start = patienceWith('redis', { clock, log })
  if (dispatcher === undefined) {
    return { start, handOver: (shared) => shared ?? start(REDIS_BUDGET_MS) }
  }
  const startDispatcher = patienceWith(dispatcher.name, { clock, log })
  return { start, handOver: () => startDispatcher(dispatcher.budgetMs) }
}

/** @param name of what is waited for, as the log has it */
const patienceWith = (
  name: string,
  { clock, log }: { clock: Clock; log: Log },
): ((budgetMs: number) => Budget) => {
  let timeouts = 0
  let skipUntilMs = 0
  let healthy = true

  const failed = (error: unknown) => {
    if (healthy)
      log.warn(`${name}.unavailable`, { error, effect: 'Postgres serves, the sweep enqueues' })
    healthy = false
  }

  const attempt = async <T>(run: () => Promise<T>, leftMs: number): Promise<T | undefined> => {
    try {
      const result = await within({ after: clock.after, limitMs: leftMs }, run)
      if (result === TIMED_OUT) {
        timeouts += 1
        if (timeouts >= TIMEOUTS_BEFORE_SKIPPING) skipUntilMs = clock.elapsedMs() + SKIP_MS
        failed(`no answer within ${Math.round(leftMs)} ms`)
        return undefined
      }
      timeouts = 0
      if (!healthy) log.info(`${name}.available`, {})
      healthy = true
      return result
    } catch (error) {
      failed(error)
      return undefined
    }
  }

  return (budgetMs) => {
    let leftMs = budgetMs
    return {
      attempt: async (run, extraMs = 0) => {
        leftMs += extraMs
        const startedMs = clock.elapsedMs()
        if (leftMs <= 0 || startedMs < skipUntilMs) return undefined
        const result = await attempt(run, leftMs)
        leftMs -= clock.elapsedMs() - startedMs
        return result
      },
    }
  }
}
