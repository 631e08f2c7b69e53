// The shape of the figures over time, and how they become it.

import * as z from 'zod'
import type { Stats } from '../broker/stats.ts'
import { iso, time } from './schemas.ts'

const figures = {
  accepted: z.number().int().meta({ description: 'deliveries made' }),
  delivered: z
    .number()
    .int()
    .meta({ description: 'attempts answered with 2xx; a replay that succeeds counts again' }),
  failed: z.number().int().meta({ description: 'attempts that failed' }),
  dead: z.number().int().meta({ description: 'deliveries that ended without a 2xx' }),
  successRate: z
    .number()
    .nullable()
    .meta({ description: 'delivered of all attempts that ended, 0 to 1; null when none did' }),
  p50Ms: z
    .number()
    .int()
    .nullable()
    .meta({ description: 'receiver latency, from a histogram: right to a fifth' }),
  p95Ms: z.number().int().nullable(),
}

export const statsSchema = z
  .strictObject({
    from: time.meta({ description: 'rounded down to a whole step' }),
    to: time.meta({ description: 'rounded up to a whole step' }),
    step: z.number().int().meta({ description: 'seconds' }),
    totals: z.strictObject(figures),
    open: z
      .strictObject({
        count: z.number().int(),
        capped: z.boolean().meta({ description: 'there are more: counting stops at 100,000' }),
        oldestDueAt: time
          .nullable()
          .meta({ description: 'since when the longest waiting one has been due' }),
      })
      .meta({ description: 'open deliveries now, whatever the window' }),
    buckets: z.array(z.strictObject({ at: time, ...figures })).meta({
      description: 'one per step, oldest first, also where nothing happened',
    }),
    events: z
      .array(z.strictObject({ eventName: z.string(), ...figures }))
      .meta({ description: 'at most 200, most failed first' }),
    webhooks: z
      .array(
        z.strictObject({
          webhookId: z.string(),
          eventName: z.string(),
          webhookUrl: z.string(),
          status: z.enum(['enabled', 'disabled']),
          ...figures,
        }),
      )
      .meta({ description: 'at most 200, most failed first' }),
  })
  .meta({ id: 'Stats' })

export const presentStats = (stats: Stats) => ({
  ...stats,
  from: stats.from.toISOString(),
  to: stats.to.toISOString(),
  open: { ...stats.open, oldestDueAt: iso(stats.open.oldestDueAt) },
  buckets: stats.buckets.map(({ at, ...figures }) => ({ at: at.toISOString(), ...figures })),
})
