// The shapes of replays of many deliveries.

import * as z from 'zod'
import { DELIVERY_STATUSES, type DeliveryStatus } from '../domain/delivery.ts'
import { EVENT_NAME_RULE, isEventName } from '../domain/event-name.ts'
import { isId, type IdPrefix } from '../domain/ids.ts'
import { MAX_REPLAY_IDS } from '../domain/replay-filter.ts'

const idOf = (prefix: IdPrefix, thing: string) =>
  z
    .string()
    .refine((text) => isId(prefix, text), `is not the id of a ${thing}`)
    .meta({ examples: [`${prefix}_01k9m6tqwd8f3v4e0s5n2x7abc`] })

const time = z.iso.datetime({
  offset: true,
  message: 'must be a time like 2026-01-31T12:00:00Z',
})

const replayFilter = z.strictObject({
  ids: z.array(idOf('dlv', 'delivery')).min(1).max(MAX_REPLAY_IDS).optional(),
  status: z.enum(DELIVERY_STATUSES as [DeliveryStatus]).optional(),
  eventName: z.string().refine(isEventName, EVENT_NAME_RULE).optional(),
  webhookId: idOf('wh', 'webhook').optional(),
  messageId: idOf('msg', 'message').optional(),
  from: time.optional().meta({ description: 'created at this time or later' }),
  to: time.optional().meta({ description: 'created before this time' }),
  missed: z
    .literal(true)
    .optional()
    .meta({ description: 'what the webhook missed while it was disabled; needs webhookId' }),
})

export type ReplayFilterBody = z.output<typeof replayFilter>

export const replayBody = z.strictObject({
  filter: replayFilter.meta({ description: 'at least one field' }),
  dryRun: z.boolean().optional(),
})

export const replayCountSchema = z
  .strictObject({ dryRun: z.literal(true), count: z.number().int() })
  .meta({ id: 'ReplayCount' })

export const replaySchema = z
  .strictObject({
    id: z.string().meta({ examples: ['rpl_01k9m6tqwd8f3v4e0s5n2x7abc'] }),
    status: z.enum(['running', 'finished']),
    filter: replayFilter,
    dryRun: z.literal(false),
    total: z.number().int().meta({ description: 'what the filter matched when it was started' }),
    replayed: z.number().int(),
    skipped: z
      .number()
      .int()
      .meta({ description: 'were in flight, or their webhook is removed: left as they were' }),
    createdAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Replay' })
