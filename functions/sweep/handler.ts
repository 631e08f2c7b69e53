// The scheduled repair. A run that is cut off, or that overlaps with the next, is harmless: it stops early all the same,
// so that what it did is reported.

import type { SweepSummary } from '../../lib/broker/sweep-summary.ts'
import { openQueueing } from '../../lib/wiring/queueing.ts'
import { makeReplaying } from '../../lib/wiring/replaying.ts'
import { openFunction } from '../../lib/wiring/serving.ts'
import { makeSweeping } from '../../lib/wiring/sweeping.ts'

// What a run needs after its budget: the statement under way and the answer.
const MARGIN_MS = 10_000

const opened = openFunction('sweep')
const queueing = await openQueueing(opened)
const parts = { ...opened, ...queueing }
const sweep = makeSweeping(opened.config, parts)
const goOnReplaying = makeReplaying(parts)

/** Repairs first; what is left of the time is for replays that somebody asked for. */
export const handler = async (
  _event: unknown,
  context: { getRemainingTimeInMillis(): number },
): Promise<SweepSummary & { replayed: number }> => {
  try {
    const leftMs = () => Math.max(0, context.getRemainingTimeInMillis() - MARGIN_MS)
    const summary = await sweep({ budgetMs: leftMs() })
    const { replayed } = await goOnReplaying({ budgetMs: leftMs() })
    await tellState()
    return { ...summary, replayed }
  } finally {
    opened.metrics.flush()
  }
}

/** A store that does not answer is no reason for a sweep to have failed. */
const tellState = async (): Promise<void> => {
  try {
    const depth = await queueing.queue?.depth().catch(() => undefined)
    opened.metrics.state(await opened.stores.brokerState(), depth)
  } catch (error) {
    opened.log.warn('metrics.state_unknown', { error })
  }
}
