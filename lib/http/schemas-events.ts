// The payloads of operational events, for the OpenAPI document and for receivers' types. What makes them is
// domain/operational-event.ts; a test holds it to this.

import * as z from 'zod'
import { time } from './schemas.ts'

const about = {
  webhookId: z.string(),
  eventName: z.string().meta({ description: 'what the webhook is registered for' }),
  webhookUrl: z.string().meta({ description: 'without its query' }),
}
const timestamp = time.meta({ description: 'when it happened' })

export const webhookDisabledEvent = z
  .strictObject({
    type: z.literal('broker.webhook.disabled'),
    timestamp,
    data: z.strictObject({
      ...about,
      reason: z.enum(['manual', 'gone', 'failing']).meta({
        description: 'a person disabled it; its receiver answered 410; it failed for five days',
      }),
    }),
  })
  .meta({
    id: 'WebhookDisabledEvent',
    description: 'A webhook was disabled, by a person or by the broker.',
  })

const health = z.strictObject({
  ...about,
  failingSince: time.meta({ description: 'since when there was no success' }),
})

export const webhookFailingEvent = z
  .strictObject({ type: z.literal('broker.webhook.failing'), timestamp, data: health })
  .meta({
    id: 'WebhookFailingEvent',
    description:
      'The breaker of a webhook opened: its deliveries wait, and one at a time tries again.',
  })

export const webhookRecoveredEvent = z
  .strictObject({ type: z.literal('broker.webhook.recovered'), timestamp, data: health })
  .meta({
    id: 'WebhookRecoveredEvent',
    description: 'The breaker of a webhook closed: what waited is being delivered.',
  })

export const deliveryDeadEvent = z
  .strictObject({
    type: z.literal('broker.delivery.dead'),
    timestamp,
    data: z.strictObject({
      deliveryId: z.string(),
      messageId: z.string(),
      ...about,
      reason: z.enum(['schedule_exhausted', 'gone', 'blocked_address', 'crash_budget']),
      attempts: z.number().int().meta({ description: 'all of the delivery, replays included' }),
      lastAttempt: z.strictObject({
        code: z.string().nullable().meta({ description: 'null when nobody recorded how it ended' }),
        statusCode: z.number().int().nullable(),
      }),
    }),
  })
  .meta({
    id: 'DeliveryDeadEvent',
    description: 'A delivery will not be attempted again on its own; it can be replayed.',
  })

/** By event name, which is also the `type` of the payload. */
export const OPERATIONAL_EVENTS = {
  'broker.webhook.disabled': webhookDisabledEvent,
  'broker.webhook.failing': webhookFailingEvent,
  'broker.webhook.recovered': webhookRecoveredEvent,
  'broker.delivery.dead': deliveryDeadEvent,
} as const

/** The `webhooks` part of the OpenAPI document: what the broker itself sends to whoever registered for it. */
export const webhooksOfDocument = () =>
  Object.fromEntries(
    Object.entries(OPERATIONAL_EVENTS).map(([name, schema]) => {
      const { id = '', description = '' } = schema.meta() ?? {}
      const content = {
        'application/json': { schema: { $ref: `#/components/schemas/${id}` } },
      }
      return [
        name,
        {
          post: {
            operationId: id,
            tags: ['Operational events'],
            summary: description,
            security: [],
            requestBody: { required: true, content },
            responses: { '2XX': { description: 'delivered' } },
          },
        },
      ]
    }),
  )
