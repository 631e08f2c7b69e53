// Figures over time: what the dashboard draws and what a script can alert on.

import * as z from 'zod'
import type { ReadStats } from '../../broker/stats.ts'
import type { App } from '../env.ts'
import { eventName, idOf, time } from '../filters.ts'
import { mount, type RouteSpec } from '../route.ts'
import { presentStats, statsSchema } from '../stats-schemas.ts'

const STEP_RULE = 'must be whole minutes in seconds, from 60 to 86400'

const step = z
  .string()
  .regex(/^\d{1,6}$/, STEP_RULE)
  .transform(Number)
  .optional()
  .meta({
    type: 'integer',
    minimum: 60,
    maximum: 86_400,
    multipleOf: 60,
    description:
      'seconds, whole minutes; whole hours for times more than three days ago; at most 1500 steps. ' +
      'When absent: the shortest of 1, 5, 15 minutes, 1, 6, 24 hours that makes at most 120',
  })

export const statsSpec = {
  method: 'get',
  path: '/api/v0/stats',
  scope: 'read',
  tag: 'log',
  summary: 'Read counts, success rate and receiver latency over time',
  description:
    'The last hour when neither from nor to is given. Both ends are rounded outwards to whole steps (UTC). ' +
    'An attempt counts in the minute in which it ended.',
  query: z.object({
    eventName,
    webhookId: idOf('wh', 'webhook'),
    from: time,
    to: time,
    step,
  }),
  responses: { 200: { description: 'the figures', schema: statsSchema } },
  problems: ['invalid_request'],
} as const satisfies RouteSpec

export const mountStats = (app: App, stats: ReadStats): void =>
  mount(app, statsSpec, async (c, { query: { step: stepS, ...query } }) =>
    c.json(presentStats(await stats({ tenant: c.get('caller').tenant, ...query, stepS }))),
  )
