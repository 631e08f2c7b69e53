// Sends many deliveries again, by filter. Asking for it writes one row; whoever runs replays (the API, the sweep) does it
// batch by batch, at a rate, and goes on where the last one stopped. Postgres decides what was done; the queue is told
// after each commit, and what it is not told the sweep finds.

import { BrokerError } from '../domain/errors.ts'
import { acceptReplayFilter, type ReplayFilter } from '../domain/replay-filter.ts'
import { REDIS_BUDGET_MS, type Patience } from './patience.ts'
import type {
  BulkReplayStore,
  Clock,
  DeliveryQueue,
  HandOver,
  IdSource,
  Log,
  Replay,
  Steps,
} from './ports.ts'

export type RunReplays = (options: {
  /** No batch begins later than this. The first one begins whatever it is. */
  budgetMs: number
  stop?: AbortSignal
}) => Promise<{ replayed: number; running: boolean }>

export type ReplayMany = {
  /** Starts it and does its first batch. @throws BrokerError `invalid_request`, `not_found` (the webhook that missed) */
  start(tenant: string, filter: ReplayFilter): Promise<Replay>
  /** How many it would be; changes nothing. @throws BrokerError as `start` */
  count(tenant: string, filter: ReplayFilter): Promise<number>
  /** @throws BrokerError `not_found` */
  find(tenant: string, id: string): Promise<Replay>
}

export type RunReplaysDeps = {
  store: Pick<BulkReplayStore, 'step' | 'running'>
  /** Takes whatever job there is away and adds one that is due now. */
  handOverAgain: HandOver
  /** Undefined for a broker without Redis. */
  queue: Pick<DeliveryQueue, 'waitingCount'> | undefined
  patience: Patience
  clock: Clock
  steps: Steps
  log: Log
}

export type ReplayManyDeps = {
  store: Omit<BulkReplayStore, 'missedNow'>
  ids: Pick<IdSource, 'replay'>
  run: RunReplays
  /** Says that there is something to go on with, to whoever does so in this process. */
  started(): void
  log: Log
}

/** Deliveries a second. A receiver that was away should come back to its feet, not be knocked over again. */
export const REPLAYS_PER_SECOND = 500

const BATCH = 250
// Jobs are taken in the order of their adding: fresh events would wait behind all that is replayed.
const MAX_WAITING_JOBS = 2_000
const CROWDED_PAUSE_MS = 500

export const makeReplayMany = (deps: ReplayManyDeps): ReplayMany => ({
  start: async (tenant, asked) => {
    const filter = acceptReplayFilter(asked)
    const created =
      (await deps.store.create({ id: deps.ids.replay(), tenant, filter })) ?? missing()
    deps.log.info('replay.started', { replayId: created.id, total: created.total })
    await firstBatch(deps)
    deps.started()
    return (await deps.store.find(tenant, created.id)) ?? created
  },
  count: async (tenant, asked) =>
    (await deps.store.count(tenant, acceptReplayFilter(asked))) ?? missing(),
  find: async (tenant, id) => {
    const found = await deps.store.find(tenant, id)
    if (found === undefined) throw new BrokerError('not_found', 'there is no such replay')
    return found
  },
})

const missing = (): never => {
  throw new BrokerError('not_found', 'there is no such webhook')
}

/** The replay is on record: what fails now is done by the next one who runs replays. */
const firstBatch = async ({ run, log }: ReplayManyDeps): Promise<void> => {
  try {
    await run({ budgetMs: 0 })
  } catch (error) {
    log.warn('replay.interrupted', { error })
  }
}

/** @throws BrokerError `log_unavailable`; nothing is lost, the next run goes on */
export const makeRunReplays =
  (deps: RunReplaysDeps): RunReplays =>
  async ({ budgetMs, stop }) => {
    const startedMs = deps.clock.elapsedMs()
    const leftMs = () => budgetMs - (deps.clock.elapsedMs() - startedMs)
    let replayed = 0
    for (;;) {
      const pauseMs = await turn(deps, (count) => (replayed += count))
      if (pauseMs === null) return { replayed, running: false }
      if (leftMs() <= pauseMs || stop?.aborted === true) return { replayed, running: true }
      if (pauseMs > 0) await deps.clock.wait(pauseMs, stop)
    }
  }

/** One batch, if one may be taken. @returns how long to wait before the next, null when nothing is running */
const turn = async (
  deps: RunReplaysDeps,
  done: (count: number) => void,
): Promise<number | null> => {
  if (await isCrowded(deps)) return (await deps.store.running()) ? CROWDED_PAUSE_MS : null
  const step = await deps.store.step(BATCH)
  if (step.kind === 'idle') return step.nextInMs
  const { replayId, deliveries, finished } = step
  deps.steps('R1')
  if (deliveries.length > 0) {
    const jobs = deliveries.map((delivery) => ({ ...delivery, delayMs: 0 }))
    await deps.patience.handOver().attempt(() => deps.handOverAgain(jobs))
  }
  deps.steps('R2')
  done(deliveries.length)
  if (finished) deps.log.info('replay.finished', { replayId })
  return 0
}

/** A queue that does not answer is not crowded: Postgres keeps what is replayed. */
const isCrowded = async ({ queue, patience }: RunReplaysDeps): Promise<boolean> => {
  if (queue === undefined) return false
  const waiting = await patience.start(REDIS_BUDGET_MS).attempt(() => queue.waitingCount())
  return waiting !== undefined && waiting > MAX_WAITING_JOBS
}
