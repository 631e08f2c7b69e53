// Sends a delivery again, or stops it, because somebody asked for it.

import { BrokerError } from '../domain/errors.ts'
import type { Patience } from './patience.ts'
import type { DeliveryView, HandOver, Log, LogReader, ReplayStore } from './ports.ts'

export type ReplayDelivery = {
  /** Whatever its status, unless an attempt is under way. @throws BrokerError `not_found`, `delivery_in_flight` */
  replay(tenant: string, id: string): Promise<DeliveryView>
  /** An attempt on the wire ends and is recorded. @throws BrokerError `not_found`, `conflict` when it has ended */
  cancel(tenant: string, id: string): Promise<DeliveryView>
}

export type ReplayDeps = {
  replays: ReplayStore
  reader: Pick<LogReader, 'delivery'>
  /** Removes whatever job there is and adds one that is due now: an add alone is ignored beside a delayed job. */
  handOverAgain: HandOver
  patience: Patience
  log: Log
}

export const makeReplayDelivery = (deps: ReplayDeps): ReplayDelivery => ({
  replay: async (tenant, id) => {
    const outcome = await deps.replays.replay(tenant, id)
    if (outcome.kind === 'not_found') return notFound()
    if (outcome.kind === 'in_flight') {
      throw new BrokerError(
        'delivery_in_flight',
        'an attempt is under way; ask again when it has ended',
      )
    }
    await deps.patience
      .handOver()
      .attempt(() =>
        deps.handOverAgain([{ deliveryId: id, generation: outcome.generation, delayMs: 0 }]),
      )
    deps.log.info('delivery.replayed', { deliveryId: id })
    return view(deps, tenant, id)
  },
  cancel: async (tenant, id) => {
    const outcome = await deps.replays.cancel(tenant, id)
    if (outcome === 'not_found') return notFound()
    if (outcome === 'ended') throw new BrokerError('conflict', 'the delivery has ended already')
    deps.log.info('delivery.cancelled', { deliveryId: id })
    return view(deps, tenant, id)
  },
})

const view = async (deps: ReplayDeps, tenant: string, id: string): Promise<DeliveryView> =>
  (await deps.reader.delivery(tenant, id)) ?? notFound()

const notFound = (): never => {
  throw new BrokerError('not_found', 'there is no such delivery')
}
