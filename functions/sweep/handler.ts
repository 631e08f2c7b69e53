// The scheduled repair. A run that is cut off, or that overlaps with the next, is harmless: it stops early all the same,
// so that what it did is reported.

import type { SweepSummary } from '../../lib/broker/sweep.ts'
import { openQueueing } from '../../lib/wiring/queueing.ts'
import { openFunction } from '../../lib/wiring/serving.ts'
import { makeSweeping } from '../../lib/wiring/sweeping.ts'

// What a run needs after its budget: the statement under way and the answer.
const MARGIN_MS = 10_000

const opened = openFunction('sweep')
const sweep = makeSweeping(opened.config, { ...opened, ...(await openQueueing(opened)) })

export const handler = (
  _event: unknown,
  context: { getRemainingTimeInMillis(): number },
): Promise<SweepSummary> =>
  sweep({ budgetMs: Math.max(0, context.getRemainingTimeInMillis() - MARGIN_MS) })
