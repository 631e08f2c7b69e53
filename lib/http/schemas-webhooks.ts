// The shapes of a webhook, as it is registered, changed and read.

import * as z from 'zod'
import type { Missed } from '../broker/ports.ts'
import { MAX_TIMEOUT_MS, MAX_URL_LENGTH, type Webhook } from '../domain/webhook.ts'
import { headers, id, time } from './schemas.ts'

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
