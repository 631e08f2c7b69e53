// The worker as a long-running process: what a container runs, and `npm run worker`. Any number of them may run. The
// worker of a scale-to-zero deployment, a bounded run on a schedule, stands beside it (scheduled.ts).

import type { Config } from '../../lib/config.ts'
import {
  startDelivering,
  type Delivering,
  type DeliveringParts,
} from '../../lib/wiring/delivering.ts'

/** Claims and results are batches on one connection each; the others are for the direct dispatcher and what is rare. */
export const MAX_CONNECTIONS = 4

// What is in flight may take its timeout, and its result a moment more.
const RESULT_MS = 2_000

export type WorkerContainer = {
  /** Takes nothing new, finishes what is in flight, commits its results. */
  stop(): Promise<void>
  wake: Delivering['wake']
}

/** Starts taking jobs. */
export const startWorkerContainer = (config: Config, parts: DeliveringParts): WorkerContainer => {
  const delivering = startDelivering(config, parts)
  return {
    wake: delivering.wake,
    stop: () => delivering.close(config.delivery.timeoutMs + RESULT_MS),
  }
}
