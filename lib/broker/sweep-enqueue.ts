// What the sweep does about the queue in Redis: it asks what the queue holds of that which is due, and adds the rest. Adding a
// job twice adds it once.

import type { DeliveryQueue, DueDelivery } from './ports.ts'
import type { SweepSummary } from './sweep-summary.ts'

// From this many fruitless questions on the job is taken for one that no list holds (an orphan hash, or split brain).
const PROBES_BEFORE_REPLACING = 6
// A backlog of a million waiting jobs must not become a million questions a minute. Up to here each is asked; past it a
// delivery that is newer than the job that will be taken next is taken to wait behind it, as jobs are taken in order.
// If it is lost after all, it is asked for when the backlog has passed it, which is when it would have been delivered.
const PROBES_PER_RUN = 10_000

export type EnqueueRun = {
  queue: DeliveryQueue | undefined
  summary: Pick<SweepSummary, 'probed' | 'requeued' | 'replaced' | 'abandoned' | 'redisLost'>
}

/** S3: what the queue does not have is added; what no list holds, or whose worker died, is removed and added again. */
export const enqueueForgotten = async (
  run: EnqueueRun,
  due: readonly DueDelivery[],
): Promise<void> => {
  const { queue, summary } = run
  if (queue === undefined) return
  const asked = await worthAsking(run, queue, due)
  const stuck = due.filter(({ finding }) => finding === 'expired_lease')
  summary.probed += asked.length
  const present = await queue.present(asked.map(({ deliveryId }) => deliveryId))
  const missing = asked.filter((_, index) => present[index] === false)
  stuck.push(
    ...asked.filter(
      ({ probes }, index) => present[index] === true && probes >= PROBES_BEFORE_REPLACING,
    ),
  )
  if (missing.length > 0) await queue.enqueue(missing)
  if (stuck.length > 0) await queue.replace(stuck)
  // It waits longer than it should: perhaps the wake-up went to a worker that is frozen, and the others rest.
  if (present.includes(true)) await queue.wake()
  summary.requeued += missing.length
  summary.replaced += stuck.length
}

const worthAsking = async (
  { summary }: EnqueueRun,
  queue: DeliveryQueue,
  due: readonly DueDelivery[],
) => {
  const unqueued = due.filter(({ finding }) => finding === 'unqueued')
  if (summary.redisLost || summary.probed < PROBES_PER_RUN) return unqueued
  const oldest = await queue.oldestWaiting()
  return unqueued.filter(({ deliveryId }) => oldest === undefined || deliveryId <= oldest)
}

/** BullMQ's own stalled check needs a living worker and gives up after a few stalls; this needs neither. */
export const replaceAbandoned = async ({ queue, summary }: EnqueueRun): Promise<void> => {
  const ids = (await queue?.abandoned()) ?? []
  if (ids.length === 0) return
  await queue?.replace(ids.map((deliveryId) => ({ deliveryId, delayMs: 0 })))
  summary.abandoned = ids.length
}
