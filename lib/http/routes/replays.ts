// Sends many deliveries again: a replay is started once and then read until it has finished.

import type { Replay } from '../../broker/ports.ts'
import type { ReplayMany } from '../../broker/replay-many.ts'
import { BrokerError } from '../../domain/errors.ts'
import { isId } from '../../domain/ids.ts'
import { storedFilter, type ReplayFilter } from '../../domain/replay-filter.ts'
import type { App } from '../env.ts'
import { mount, type RouteSpec } from '../route.ts'
import {
  replayBody,
  replayCountSchema,
  replaySchema,
  type ReplayFilterBody,
} from '../schemas-replay.ts'

export const startReplaySpec = {
  method: 'post',
  path: '/api/v0/replays',
  scope: 'manage',
  tag: 'log',
  summary: 'Send again every delivery that a filter matches',
  description:
    'Every field narrows the filter; one at least is needed. Each delivery begins one new series under its webhook-id, ' +
    'at 500 a second; those in flight, or of a removed webhook, are skipped and counted. What is accepted later does not ' +
    'belong to it. `missed` with a `webhookId` makes the deliveries that were not made while the webhook was disabled. ' +
    'With `dryRun` nothing changes, and the answer says how many it would be.',
  body: replayBody,
  bodyExample: { filter: { status: 'dead', eventName: 'upload_image' } },
  responses: {
    200: { description: 'with `dryRun`: how many it would be', schema: replayCountSchema },
    202: { description: 'started', schema: replaySchema },
  },
  problems: [
    'invalid_request',
    'invalid_json',
    'unsupported_media_type',
    'payload_too_large',
    'not_found',
  ],
} as const satisfies RouteSpec

export const findReplaySpec = {
  method: 'get',
  path: '/api/v0/replays/{id}',
  scope: 'read',
  tag: 'log',
  summary: 'Read how far a replay is',
  responses: { 200: { description: 'the replay', schema: replaySchema } },
  problems: ['not_found'],
} as const satisfies RouteSpec

export const mountReplays = (app: App, { start, count, find }: ReplayMany): void => {
  mount(app, startReplaySpec, async (c, { body }) => {
    const { tenant } = c.get('caller')
    const filter = toFilter(body.filter)
    if (body.dryRun === true) return c.json({ dryRun: true, count: await count(tenant, filter) })
    return c.json(present(await start(tenant, filter)), 202)
  })
  mount(app, findReplaySpec, async (c) => {
    const id = c.req.param('id') ?? ''
    if (!isId('rpl', id)) throw new BrokerError('not_found', 'there is no such replay')
    return c.json(present(await find(c.get('caller').tenant, id)))
  })
}

const toFilter = ({ from, to, ...rest }: ReplayFilterBody): ReplayFilter => ({
  ...rest,
  ...(from === undefined ? {} : { from: new Date(from) }),
  ...(to === undefined ? {} : { to: new Date(to) }),
})

const present = ({ createdAt, finishedAt, filter, ...replay }: Replay) => ({
  ...replay,
  filter: storedFilter(filter),
  dryRun: false,
  createdAt: createdAt.toISOString(),
  finishedAt: finishedAt?.toISOString() ?? null,
})
