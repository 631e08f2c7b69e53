// The role that accepts: trigger, register, list and manage. It needs Postgres; Redis makes it fast.

import { makeListWebhooks, type ListWebhooks } from '../broker/list-webhooks.ts'
import { makeManageWebhook, type ManageWebhook } from '../broker/manage-webhook.ts'
import { makePublishSoon } from '../broker/publish-events.ts'
import type { DeliveryQueue, HandOver, Log, RoutingTable, Steps } from '../broker/ports.ts'
import { makeRegisterWebhook, type RegisterWebhook } from '../broker/register-webhook.ts'
import { makeReplayDelivery, type ReplayDelivery } from '../broker/replay-delivery.ts'
import { makeReplayMany, type ReplayMany } from '../broker/replay-many.ts'
import { handOverTogether } from '../broker/together.ts'
import { makeTriggerEvent, type TriggerEvent } from '../broker/trigger-event.ts'
import type { Config } from '../config.ts'
import { makeSecretBox } from '../domain/secret-box.ts'
import { tracedTrigger } from '../tracing.ts'
import { openPatience, type HandingOver } from './publishing.ts'
import { makeReplaying } from './replaying.ts'
import { makeIds, makeRandom, systemClock } from './runtime.ts'
import type { Stores } from './stores.ts'

export type Accepting = {
  register: RegisterWebhook
  list: ListWebhooks
  manage: ManageWebhook
  trigger: TriggerEvent
  replay: ReplayDelivery
  replayMany: ReplayMany
}

export type AcceptingParts = Omit<HandingOver, 'publish'> &
  Partial<Pick<HandingOver, 'publish'>> & {
    stores: Stores
    /** Undefined for a broker without Redis. */
    routing: RoutingTable | undefined
    /** Told of accepted deliveries that could not be handed over in time. A function leaves them to the sweep. */
    notHandedOver?: (jobs: Parameters<HandOver>[0]) => void
    /** Asked how full it is before many deliveries are replayed. */
    queue: DeliveryQueue | undefined
    /** A replay of many was started: whoever in this process goes on with it. A function has nobody; the sweep does it. */
    replayStarted?: () => void
    steps: Steps
    log: Log
  }

export const makeAccepting = (config: Config, parts: AcceptingParts): Accepting => {
  const { deliveryLog, operationalEvents, bulkReplays } = parts.stores
  const shared = { ...parts, ...sharedParts(config, parts), deliveryLog, operationalEvents }
  return {
    register: makeRegisterWebhook(shared),
    list: makeListWebhooks(shared),
    manage: makeManageWebhook({ ...shared, bulkReplays, publishSoon: makePublishSoon(shared) }),
    trigger: tracedTrigger(
      makeTriggerEvent({
        ...shared,
        clock: systemClock,
        handOver: handOverTogether(parts.handOver),
      }),
    ),
    replay: makeReplayDelivery({
      ...shared,
      replays: parts.stores.replays,
      reader: parts.stores.reader,
    }),
    replayMany: makeReplayMany({
      ...shared,
      store: parts.stores.bulkReplays,
      run: makeReplaying(parts),
      started: parts.replayStarted ?? (() => undefined),
    }),
  }
}

/** Registration alone: it hands nothing over. */
export const makeRegistering = (
  config: Config,
  parts: Pick<AcceptingParts, 'stores' | 'routing' | 'log'>,
): RegisterWebhook => makeRegisterWebhook({ ...parts, ...sharedParts(config, parts) })

const sharedParts = (
  config: Config,
  { stores, publish, log }: Pick<AcceptingParts, 'stores' | 'publish' | 'log'>,
) => {
  const random = makeRandom()
  return {
    webhooks: stores.webhooks,
    ids: makeIds(systemClock, random),
    random,
    patience: openPatience({ publish, log }),
    secretBox: makeSecretBox(config.secretKeys),
    urlPolicy: config.delivery,
  }
}
