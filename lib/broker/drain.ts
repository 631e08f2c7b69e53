// One bounded run of the worker inside a scheduled function: jobs from the queue, or, when Redis is away or was emptied,
// what is due from Postgres. It stops early enough for every attempt to end within the time that the function has left.

import { BrokerError } from '../domain/errors.ts'
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
  /** Claims and attempts what is due in Postgres. @returns how many @throws BrokerError `log_unavailable` */
  takeDue(mayTake: () => boolean): Promise<number>
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
  end: Taken['end']
  durationMs: number
}

/** @param remainingMs what the function has left */
export type Drain = (remainingMs: number) => Promise<DrainSummary>

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
    const { recovered, ...fromQueue } = await drainQueue(deps, mayTake)
    const left = fromQueue.end === 'queue_unavailable'
    const rest = left ? await drainLog(deps, mayTake) : { taken: 0, end: fromQueue.end }
    const summary: DrainSummary = {
      source: left ? 'log' : 'queue',
      taken: fromQueue.taken + rest.taken,
      recovered,
      end: rest.end,
      durationMs: Math.round(clock.elapsedMs() - startedMs),
    }
    log.info('drain.finished', summary)
    return summary
  }

const drainQueue = async (
  { queue, kickMark, attempt, log }: DrainDeps,
  mayTake: () => boolean,
): Promise<Taken & { recovered: number }> => {
  const unavailable = { taken: 0, recovered: 0, end: 'queue_unavailable' } as const
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
    return { ...(await queue.jobs.takeAll({ attempt, mayTake })), recovered: abandoned.length }
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'queue_unavailable') throw error
    log.warn('drain.redis_away', { error })
    return unavailable
  }
}

const drainLog = async (deps: DrainDeps, mayTake: () => boolean): Promise<Taken> => {
  try {
    const taken = await deps.takeDue(mayTake)
    return { taken, end: mayTake() ? 'empty' : 'time' }
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'log_unavailable') throw error
    deps.log.warn('drain.postponed', { error })
    return { taken: 0, end: 'log_unavailable' }
  }
}
