// What the worker and the drain agree on: the settings under which jobs are taken, and how BullMQ is told of a retry.

import type { WorkerOptions } from 'bullmq'
import type { Redis } from 'ioredis'
import type { QueueNames } from './names.ts'
import { DRAIN_DELAY_S } from './options.ts'

export type TakerSettings = {
  /** BROKER_KEY_PREFIX */
  prefix: string
  /** How many attempts at once. */
  concurrency: number
  /** Longest attempt and its margin: the job's lock must outlive it (O-QUEUE-2). */
  attemptMs: number
}

/** Carries the plan's delay to `backoffStrategy`; an error because that is how BullMQ is told of a retry. */
export class RetryAt extends Error {
  readonly delayMs: number

  constructor(delayMs: number) {
    super('retry')
    this.name = 'RetryAt'
    this.delayMs = delayMs
  }
}

/** How long a job waits after a fault of ours that is not an outage. */
export const AFTER_FAULT_MS = 30_000
/** How long one rests that could not be claimed because Postgres was away. */
export const GIVEN_BACK_MS = 1_000

const LOCK_MARGIN_MS = 1_000
// BullMQ's own stalled check: the sweep finds abandoned jobs sooner and never gives up on them.
const STALLED_INTERVAL_MS = 300_000
const NEVER = 1_000_000
// BullMQ's own 15 s would make a job wait that long after a short loss of the connection.
const ASK_AGAIN_MS = 1_000

/** For how long the lock of a job holds: it must outlive an attempt (O-QUEUE-2). */
export const lockMs = ({ attemptMs }: TakerSettings): number => attemptMs + LOCK_MARGIN_MS

export const workerOptions = (
  settings: TakerSettings,
  names: QueueNames,
  connection: Redis,
): WorkerOptions => ({
  connection,
  prefix: names.bullPrefix,
  concurrency: settings.concurrency,
  lockDuration: lockMs(settings),
  drainDelay: DRAIN_DELAY_S,
  stalledInterval: STALLED_INTERVAL_MS,
  maxStalledCount: NEVER,
  runRetryDelay: ASK_AGAIN_MS,
  removeOnComplete: { count: 0 },
  removeOnFail: { count: 0 },
  settings: {
    backoffStrategy: (_attemptsMade, _type, error) =>
      error instanceof RetryAt ? error.delayMs : AFTER_FAULT_MS,
  },
})
