// The shapes of the API (query parameters snake_case, JSON fields camelCase, times ISO 8601 UTC), and how our own
// values become them.

import * as z from 'zod'
import type { AttemptView, DeliveryView, MessageSummary, Missed } from '../broker/ports.ts'
import { DELIVERY_STATUSES } from '../domain/delivery.ts'
import { MAX_TIMEOUT_MS, MAX_URL_LENGTH, type Webhook } from '../domain/webhook.ts'

export const time = z.iso.datetime()
const id = (prefix: string, thing: string) =>
  z.string().meta({
    description: `the id of the ${thing}`,
    examples: [`${prefix}_01k9m6tqwd8f3v4e0s5n2x7abc`],
  })

export const rateLimitSchema = z.strictObject({
  limit: z.number().int().min(1).max(1_000_000),
  perSeconds: z.number().int().min(1).max(86_400),
})
const description = z
  .string()
  .max(1024)
  // Postgres keeps no NUL in a text.
  .refine((text) => !text.includes('\0'), 'must not hold a NUL character')
  .nullable()
const headers = z.record(z.string(), z.string())
const timeoutMs = z.number().int().min(1).max(MAX_TIMEOUT_MS).nullable()
const maxInFlight = z.number().int().min(1).max(10_000).nullable()

export const registerBody = z.strictObject({
  eventName: z.string().meta({ examples: ['upload_image'] }),
  webhookUrl: z
    .string()
    .meta({ description: `http:// or https://, at most ${MAX_URL_LENGTH} characters` }),
  description: description.optional(),
  headers: headers.optional().meta({ description: 'sent with every attempt; never override ours' }),
  timeoutMs: timeoutMs.optional(),
  rateLimit: rateLimitSchema.nullable().optional(),
  maxInFlight: maxInFlight.optional(),
  secret: z
    .string()
    .optional()
    .meta({ description: 'whsec_ and base64 of 24 to 64 bytes; made when absent' }),
})

export const changeBody = z.strictObject({
  status: z.enum(['enabled', 'disabled']).optional(),
  description: description.optional(),
  headers: headers.optional(),
  timeoutMs: timeoutMs.optional(),
  rateLimit: rateLimitSchema.nullable().optional(),
  maxInFlight: maxInFlight.optional(),
})

export const webhookSchema = z
  .strictObject({
    id: id('wh', 'webhook'),
    eventName: z.string(),
    webhookUrl: z.string(),
    status: z.enum(['enabled', 'disabled']),
    disabledReason: z.enum(['manual', 'gone', 'failing']).nullable(),
    description,
    headers,
    timeoutMs,
    rateLimit: rateLimitSchema.nullable(),
    maxInFlight,
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'Webhook' })

export const changedWebhookSchema = webhookSchema
  .extend({
    missed: z
      .strictObject({
        messages: z.number().int(),
        capped: z.boolean().meta({ description: 'counting stopped: there may be more' }),
        filter: z.strictObject({ webhookId: z.string(), missed: z.literal(true) }),
      })
      .optional()
      .meta({
        description:
          'after it was enabled, if it missed anything: POST /replays with this filter sends it',
      }),
  })
  .meta({ id: 'ChangedWebhook' })

export const webhookWithSecretSchema = webhookSchema
  .extend({ secret: z.string().meta({ description: 'shown this once' }) })
  .meta({ id: 'WebhookWithSecret' })

export const webhookListSchema = z
  .strictObject({
    webhooks: z.array(webhookSchema),
    total: z.number().int(),
    pageSize: z.number().int(),
    offset: z.number().int(),
    nextOffset: z.number().int().nullable(),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: 'WebhookList' })

export const acceptedSchema = z
  .strictObject({
    messageId: id('msg', 'message'),
    eventName: z.string(),
    deliveries: z.number().int(),
    hint: z.string().optional(),
  })
  .meta({ id: 'Accepted' })

export const waitReasons = [
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

export const problemSchema = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string().meta({ description: 'stable; see docs/errors.md' }),
    detail: z.string(),
    errors: z.array(z.strictObject({ field: z.string(), message: z.string() })),
    requestId: z.string(),
  })
  .meta({ id: 'Problem' })

export const iso = (date: Date | null): string | null => date?.toISOString() ?? null

export const presentWebhook = ({ tenant: _tenant, ...webhook }: Webhook) => ({
  ...webhook,
  createdAt: webhook.createdAt.toISOString(),
  updatedAt: webhook.updatedAt.toISOString(),
})

export const presentChanged = (webhook: Webhook, missed: Missed | null) => ({
  ...presentWebhook(webhook),
  ...(missed === null
    ? {}
    : { missed: { ...missed, filter: { webhookId: webhook.id, missed: true } } }),
})

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

/** Bytes as text: a response may hold anything, and a log that cannot be shown is no log. */
export const asText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
