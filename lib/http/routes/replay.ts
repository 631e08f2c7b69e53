// Sends one delivery again, or stops it.

import type { ReplayDelivery } from '../../broker/replay-delivery.ts'
import { BrokerError } from '../../domain/errors.ts'
import { isId } from '../../domain/ids.ts'
import type { App } from '../env.ts'
import { mount, type RouteSpec } from '../route.ts'
import { deliverySchema, presentDelivery } from '../schemas-log.ts'

export const replaySpec = {
  method: 'post',
  path: '/api/v0/deliveries/{id}/replay',
  scope: 'manage',
  tag: 'log',
  summary: 'Send a delivery again, whatever its status',
  description: 'A new series with the whole schedule before it; the webhook-id stays the same.',
  responses: { 202: { description: 'due now', schema: deliverySchema } },
  problems: ['not_found', 'delivery_in_flight'],
} as const satisfies RouteSpec

export const cancelSpec = {
  method: 'post',
  path: '/api/v0/deliveries/{id}/cancel',
  scope: 'manage',
  tag: 'log',
  summary: 'Stop a delivery',
  description:
    'No further attempt is made; one on the wire ends, is recorded, and counts if it succeeds.',
  responses: { 200: { description: 'cancelled', schema: deliverySchema } },
  problems: ['not_found', 'conflict'],
} as const satisfies RouteSpec

const idOf = (id: string | undefined): string => {
  if (id !== undefined && isId('dlv', id)) return id
  throw new BrokerError('not_found', 'there is no such delivery')
}

export const mountReplay = (app: App, { replay, cancel }: ReplayDelivery): void => {
  mount(app, replaySpec, async (c) => {
    const replayed = await replay(c.get('caller').tenant, idOf(c.req.param('id')))
    return c.json(presentDelivery(replayed), 202)
  })
  mount(app, cancelSpec, async (c) =>
    c.json(presentDelivery(await cancel(c.get('caller').tenant, idOf(c.req.param('id'))))),
  )
}
