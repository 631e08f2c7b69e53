// Publishes operational events: what the log has noted becomes messages, accepted and handed over like any other. The
// process that noted one publishes soon, as a favour; the sweep publishes whatever is left. Killed anywhere it doubles
// nothing: a message's id is derived from its event, and the log accepts an id once.

import { makeBatcher } from '../domain/batcher.ts'
import { messageOf, type NotedEvent } from '../domain/operational-event.ts'
import type { Patience } from './patience.ts'
import type { DeliveryLog, HandOver, Log, OperationalEventStore, Steps } from './ports.ts'
import { handOver } from './trigger-event.ts'

export type PublishDeps = {
  operationalEvents: OperationalEventStore
  deliveryLog: Pick<DeliveryLog, 'accept'>
  handOver: HandOver
  patience: Patience
  steps: Steps
  log: Log
}

/** Publishes what is noted by now, or lets others have done so. Never rejects: what is left the sweep publishes. */
export type PublishSoon = () => Promise<void>

const BATCH = 100
// 5,000 events; what is left waits for the next sweep.
const BATCHES_PER_SWEEP = 50

/**
 * Callers that come while a batch is under way wait for the one after it, together: it was begun after what they noted
 * had been committed.
 */
export const makePublishSoon = (deps: PublishDeps): PublishSoon => {
  const publishing = makeBatcher<undefined, undefined>({
    run: async (callers) => {
      try {
        await publishBatch(deps)
      } catch (error) {
        deps.log.warn('events.postponed', { error, effect: 'the sweep publishes them' })
      }
      return [...callers]
    },
    maxItems: Number.MAX_SAFE_INTEGER,
    failsForAll: () => true,
  })
  return async () => {
    await publishing.add(undefined)
  }
}

/** Publishes everything that is noted. Never rejects: what is left the next one publishes. */
export const publishAll = async (deps: PublishDeps): Promise<void> => {
  try {
    let batches = 0
    while (batches < BATCHES_PER_SWEEP && (await publishBatch(deps)) === BATCH) batches += 1
  } catch (error) {
    deps.log.warn('events.postponed', { error, effect: 'the next sweep publishes them' })
  }
}

const publishBatch = async (deps: PublishDeps): Promise<number> => {
  const events = await deps.operationalEvents.take(BATCH)
  if (events.length === 0) return 0
  deps.steps('E1')
  await Promise.all(events.map((event) => publish(deps, event)))
  deps.steps('E2')
  await deps.operationalEvents.published(events.map(({ id }) => id))
  deps.steps('E3')
  return events.length
}

const publish = async (deps: PublishDeps, event: NotedEvent): Promise<void> => {
  const { messageId, payload } = messageOf(event)
  const accepted = await deps.deliveryLog.accept({
    messageId,
    tenant: event.tenant,
    eventName: event.name,
    contentType: 'application/json',
    payload,
    idempotency: null,
    route: undefined,
    traceparent: null,
  })
  await handOver(deps, accepted, deps.patience.handOver())
}
