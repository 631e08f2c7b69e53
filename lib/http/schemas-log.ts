// The shapes of what the delivery log holds: deliveries, attempts, messages, and what the audit counts.

import * as z from 'zod'
import type { AttemptView, DeliveryView, MessageSummary } from '../broker/ports.ts'
import { DELIVERY_STATUSES } from '../domain/delivery.ts'
import { asText, headers, id, iso, time } from './schemas.ts'

const waitReasons = [
  'backoff',
  'rate_limited',
  'breaker_open',
  'webhook_disabled',
  'in_flight',
  'queued',
] as const

export const deliverySchema = z
  .strictObject({
    id: id('dlv', 'delivery'),
    messageId: id('msg', 'message'),
    webhookId: id('wh', 'webhook'),
    eventName: z.string(),
    webhookUrl: z.string(),
    status: z.enum(DELIVERY_STATUSES as ['pending']),
    inFlight: z.boolean(),
    attemptCount: z.number().int(),
    nextAttemptAt: time.nullable(),
    waiting: z
      .strictObject({ reason: z.enum(waitReasons), until: time.nullable() })
      .nullable()
      .meta({ description: 'why it is not delivered yet' }),
    createdAt: time,
    firstDeliveredAt: time.nullable(),
    finishedAt: time.nullable(),
    deadReason: z.string().nullable(),
  })
  .meta({ id: 'Delivery' })

export const attemptSchema = z
  .strictObject({
    number: z.number().int(),
    series: z.number().int(),
    startedAt: time,
    finishedAt: time.nullable(),
    durationMs: z.number().int().nullable(),
    outcome: z.enum(['succeeded', 'failed', 'unknown']),
    code: z.string().nullable(),
    statusCode: z.number().int().nullable(),
    responseHeaders: headers.nullable(),
    responseBody: z.string().nullable().meta({ description: 'the first 8 KiB, as text' }),
    detail: z.string().nullable(),
  })
  .meta({ id: 'Attempt' })

export const deliveryWithAttemptsSchema = deliverySchema
  .extend({ attempts: z.array(attemptSchema) })
  .meta({ id: 'DeliveryWithAttempts' })

export const deliveryListSchema = z
  .strictObject({ deliveries: z.array(deliverySchema), nextCursor: z.string().nullable() })
  .meta({ id: 'DeliveryList' })

export const messageSchema = z
  .strictObject({
    id: id('msg', 'message'),
    eventName: z.string(),
    contentType: z.string(),
    size: z.number().int().meta({ description: 'bytes' }),
    payload: z.string().meta({ description: 'as it was triggered' }),
    createdAt: time,
    deliveries: z.array(deliverySchema),
  })
  .meta({ id: 'Message' })

export const messageSummarySchema = z
  .strictObject({
    id: id('msg', 'message'),
    eventName: z.string(),
    contentType: z.string(),
    size: z.number().int().meta({ description: 'bytes' }),
    matched: z
      .number()
      .int()
      .meta({ description: 'deliveries made with it; 0: it matched nobody' }),
    createdAt: time,
  })
  .meta({ id: 'MessageSummary' })

export const messageListSchema = z
  .strictObject({ messages: z.array(messageSummarySchema), nextCursor: z.string().nullable() })
  .meta({ id: 'MessageList' })

export const auditSchema = z
  .strictObject({
    balanced: z.boolean(),
    days: z.array(
      z.strictObject({
        day: z.iso.date(),
        messages: z.number().int(),
        matched: z.number().int(),
        delivered: z.number().int(),
        dead: z.number().int(),
        cancelled: z.number().int(),
        open: z.number().int(),
      }),
    ),
  })
  .meta({ id: 'Audit' })

export const presentDelivery = (delivery: DeliveryView) => ({
  id: delivery.id,
  messageId: delivery.messageId,
  webhookId: delivery.webhookId,
  eventName: delivery.eventName,
  webhookUrl: delivery.webhookUrl,
  status: delivery.status,
  inFlight: delivery.inFlight,
  attemptCount: delivery.attemptCount,
  nextAttemptAt: iso(delivery.nextAttemptAt),
  waiting:
    delivery.waiting === null
      ? null
      : { reason: delivery.waiting.reason, until: iso(delivery.waiting.until) },
  createdAt: delivery.createdAt.toISOString(),
  firstDeliveredAt: iso(delivery.firstDeliveredAt),
  finishedAt: iso(delivery.finishedAt),
  deadReason: delivery.deadReason,
})

export const presentMessageSummary = (message: MessageSummary) => ({
  ...message,
  createdAt: message.createdAt.toISOString(),
})

export const presentAttempt = (attempt: AttemptView) => ({
  ...attempt,
  startedAt: attempt.startedAt.toISOString(),
  finishedAt: iso(attempt.finishedAt),
  responseBody: attempt.responseBody === null ? null : asText(attempt.responseBody),
})
