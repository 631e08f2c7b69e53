// The role that goes on with replays of many deliveries: the API right after it was asked, the sweep all the time.

import type { DeliveryQueue, HandOver, Log, Steps } from '../broker/ports.ts'
import { makeReplayLoop, type ReplayLoop } from '../broker/replay-loop.ts'
import { makeRunReplays, type RunReplays } from '../broker/replay-many.ts'
import { openPatience } from './publishing.ts'
import { systemClock } from './runtime.ts'
import type { Stores } from './stores.ts'

export type ReplayingParts = {
  stores: Pick<Stores, 'bulkReplays'>
  /** Undefined for a broker without Redis. */
  queue: DeliveryQueue | undefined
  handOverAgain: HandOver
  /** QStash, where it dispatches. */
  publish?: HandOver | undefined
  steps: Steps
  log: Log
}

export const makeReplaying = (parts: ReplayingParts): RunReplays => {
  const { stores, queue, handOverAgain, steps, log } = parts
  return makeRunReplays({
    store: stores.bulkReplays,
    handOverAgain,
    queue,
    patience: openPatience(parts),
    steps,
    clock: systemClock,
    log,
  })
}

/** For a process that lives. It begins at once with what an earlier process left. */
export const startReplaying = (parts: ReplayingParts): ReplayLoop => {
  const loop = makeReplayLoop({ run: makeReplaying(parts), clock: systemClock, log: parts.log })
  loop.wake()
  return loop
}
