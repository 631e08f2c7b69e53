// The worker of a deployment without servers: one bounded run on a schedule, or as soon as a trigger asks for it (the
// kick). Two runs at once are harmless: every delivery is claimed first.

import type { DrainSummary } from '../../lib/broker/drain.ts'
import { openDraining } from '../../lib/wiring/draining.ts'
import { openFunction } from '../../lib/wiring/serving.ts'

const drain = await openDraining(openFunction('drain'))

/** @returns what it did, for whoever invokes it by hand */
export const handler = (
  _event: unknown,
  context: { getRemainingTimeInMillis(): number },
): Promise<DrainSummary> => drain(context.getRemainingTimeInMillis())
