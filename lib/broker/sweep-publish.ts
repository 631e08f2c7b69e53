// What the sweep does about a dispatcher that cannot be asked what it holds (QStash): it hands over once more what is due.
// The due time was pushed by steps that grow, so what sits in a long backlog is not published again and again; a copy
// costs a message and a refused claim, no request.

import type { DueDelivery, HandOver, Log } from './ports.ts'
import type { SweepSummary } from './sweep-summary.ts'

export type PublishRun = {
  publish?: HandOver | undefined
  summary: Pick<SweepSummary, 'requeued' | 'qstash'>
  log: Log
}

/** Of what was due, that which somebody should have attempted. */
export const publishDue = async (run: PublishRun, due: readonly DueDelivery[]): Promise<void> => {
  const forgotten = due.filter(
    ({ finding }) => finding === 'unqueued' || finding === 'expired_lease',
  )
  run.summary.requeued += await publish(run, forgotten)
}

/**
 * Once QStash has failed, the rest of the run does without; what it was not given is due again later.
 *
 * @returns how many it took
 */
export const publish = async (
  run: PublishRun,
  deliveries: Parameters<HandOver>[0],
): Promise<number> => {
  const { summary, log } = run
  if (run.publish === undefined || summary.qstash !== 'ok' || deliveries.length === 0) return 0
  try {
    await run.publish(deliveries)
    return deliveries.length
  } catch (error) {
    summary.qstash = 'unavailable'
    log.warn('sweep.publish_failed', { deliveries: deliveries.length, error })
    return 0
  }
}
