// What QStash calls in a process that serves the API, and what differs there because of it.

import type { Config } from '../lib/config.ts'
import { openEntrance, type Entrance, type EntranceParts } from '../lib/wiring/entrance.ts'
import type { Dispatch } from './dispatch.ts'
import type { Lifecycle } from './lifecycle.ts'

const DRAIN_MS = 5_000
const RESULT_MS = 2_000

/** How long the server may take to end what it was asked: with QStash that may be an attempt. */
export const drainMs = ({ qstash, delivery }: Config): number =>
  qstash === undefined ? DRAIN_MS : Math.max(DRAIN_MS, delivery.timeoutMs + RESULT_MS)

/** @returns undefined unless QStash dispatches */
export const openQstash = (
  config: Config,
  parts: EntranceParts,
  lifecycle: Lifecycle,
): Entrance | undefined => {
  if (config.qstash === undefined) return undefined
  const entrance = openEntrance(config, parts)
  lifecycle.onStop('qstash', entrance.close)
  return entrance
}

/** What /readyz reports as degraded when it is missing. */
export const optionalParts = ({ redis }: Dispatch): Record<string, () => Promise<boolean>> =>
  redis === undefined
    ? {}
    : { redis: redis.ping, workers: async () => (await redis.queue.workers()) !== 0 }
