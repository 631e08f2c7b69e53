// One bounded run of the worker inside a scheduled function: jobs from the queue, or, when Redis is away or was emptied,
// what is due from Postgres. It stops early enough for every attempt to end within the time that the function has left.
// Where Postgres or Redis answer so late that one does not, the run ends without it, and says so: the platform would end it
// without a word. What is left behind is what a drain that was killed leaves (crash table, 25).

import { BrokerError } from '../domain/errors.ts'
import { TIMED_OUT, within } from '../domain/time-limit.ts'
import type { Clock, DeliveryQueue, JobSource, JobVerdict, KickMark, Log, Taken } from './ports.ts'

export type DrainDeps = {
  /** Undefined for a broker without Redis. */
  queue:
    | {
        port: Pick<DeliveryQueue, 'holdsIncarnation' | 'abandoned' | 'replace'>
        jobs: JobSource
      }
    | undefined
  /** Lets the next trigger wake a drain again. @throws BrokerError `queue_unavailable` */
  kickMark: Pick<KickMark, 'clear'> | undefined
  attempt(deliveryId: string): Promise<JobVerdict>
  /** Claims what is due in Postgres and attempts each by `during`. @returns how many @throws BrokerError `log_unavailable` */
  takeDue(mayTake: () => boolean, during: UnderWay['during']): Promise<number>
  /** Resolves when the log has nothing under way any more. */
  settled(): Promise<void>
  /** The longest attempt, and what recording its result may take. */
  attemptMs: number
  clock: Clock
  log: Log
}

export type DrainSummary = {
  /** Where the last job came from. */
  source: 'queue' | 'log'
  taken: number
  /** Jobs whose worker had died, put back. */
  recovered: number
  /** `cut`: the time was over before all that was under way had ended. */
  end: Taken['end'] | 'cut'
  durationMs: number
}

/** @param remainingMs what the function has left */
export type Drain = (remainingMs: number) => Promise<DrainSummary>

// For the summary, the metrics and the function's answer.
const LAST_WORDS_MS = 1_000

export const makeDrain =
  (deps: DrainDeps): Drain =>
  async (remainingMs) => {
    const { clock, log } = deps
    const startedMs = clock.elapsedMs()
    const takeUntilMs = startedMs + remainingMs - deps.attemptMs
    const mayTake = () => clock.elapsedMs() < takeUntilMs
    if (!mayTake()) {
      log.error('drain.no_time', { remainingMs: Math.round(remainingMs), neededMs: deps.attemptMs })
    }
    const run: Run = { ...deps, mayTake, underWay: makeUnderWay(), source: 'queue', recovered: 0 }
    const limitMs = Math.max(0, remainingMs - LAST_WORDS_MS)
    const ended = await within({ after: clock.after, limitMs }, () => drainBoth(run))
    const { source, recovered, underWay } = run
    if (ended === TIMED_OUT) {
      log.error('drain.cut', {
        underWay: underWay.count(),
        effect: 'the next run or the sweep repeats it',
      })
    }
    const summary: DrainSummary = {
      source,
      ...(ended === TIMED_OUT
        ? { taken: underWay.begun(), recovered, end: 'cut' }
        : { ...ended, recovered }),
      durationMs: Math.round(clock.elapsedMs() - startedMs),
    }
    log.info('drain.finished', summary)
    return summary
  }

type Run = DrainDeps & {
  mayTake: () => boolean
  underWay: UnderWay
} & Pick<DrainSummary, 'source' | 'recovered'>

/** The attempts of a run, for one that does not get to their end. */
type UnderWay = {
  during<T>(attempt: () => Promise<T>): Promise<T>
  begun(): number
  count(): number
}

const makeUnderWay = (): UnderWay => {
  let begun = 0
  let ended = 0
  return {
    during: async (attempt) => {
      begun += 1
      try {
        return await attempt()
      } finally {
        ended += 1
      }
    },
    begun: () => begun,
    count: () => begun - ended,
  }
}

const drainBoth = async (run: Run): Promise<Taken> => {
  try {
    const fromQueue = await drainQueue(run)
    if (fromQueue.end !== 'queue_unavailable') return fromQueue
    run.source = 'log'
    const rest = await drainLog(run)
    return { taken: fromQueue.taken + rest.taken, end: rest.end }
  } finally {
    await run.settled()
  }
}

const drainQueue = async (run: Run): Promise<Taken> => {
  const { queue, kickMark, underWay, mayTake, log } = run
  const unavailable = { taken: 0, end: 'queue_unavailable' } as const
  try {
    // Before the first fetch: a trigger that comes after it wakes another drain, so no wake-up is lost.
    await kickMark?.clear()
    if (queue === undefined) return unavailable
    if (!(await queue.port.holdsIncarnation())) {
      log.warn('drain.redis_emptied', {
        advice: 'the sweep repairs it; Postgres is asked meanwhile',
      })
      return unavailable
    }
    const abandoned = await queue.port.abandoned()
    await queue.port.replace(abandoned.map((deliveryId) => ({ deliveryId, delayMs: 0 })))
    run.recovered = abandoned.length
    const attempt = (deliveryId: string) => underWay.during(() => run.attempt(deliveryId))
    return await queue.jobs.takeAll({ attempt, mayTake })
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'queue_unavailable') throw error
    log.warn('drain.redis_away', { error })
    return unavailable
  }
}

const drainLog = async ({ takeDue, mayTake, underWay, log }: Run): Promise<Taken> => {
  try {
    const taken = await takeDue(mayTake, underWay.during)
    return { taken, end: mayTake() ? 'empty' : 'time' }
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'log_unavailable') throw error
    log.warn('drain.postponed', { error })
    return { taken: 0, end: 'log_unavailable' }
  }
}
