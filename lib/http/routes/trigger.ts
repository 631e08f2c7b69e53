// The hot route: bytes in, 202 out. The payload is not touched here; the use case judges it.

import * as z from 'zod'
import type { TriggerEvent } from '../../broker/trigger-event.ts'
import { acceptTraceparent } from '../../domain/trace-context.ts'
import type { App } from '../env.ts'
import { readBody } from '../body.ts'
import { mount, type RouteSpec } from '../route.ts'
import { acceptedSchema } from '../schemas.ts'

export const triggerSpec = {
  method: 'post',
  path: '/api/v0/trigger-event/{eventName}',
  scope: 'trigger',
  tag: 'events',
  summary: 'Trigger an event',
  description:
    'The body is the payload: any JSON value, delivered byte for byte; no body stands for {}. ' +
    'With an Idempotency-Key a repeated trigger gets the first answer for 24 hours. ' +
    '503 means: not known to be accepted, repeat with the same key.',
  headers: z.object({
    'Idempotency-Key': z.string().min(1).max(255).optional(),
    traceparent: z.string().optional(),
  }),
  rawBody: { description: 'any JSON value', example: { name: 'cat.png', size: 12345 } },
  responses: { 202: { description: 'accepted', schema: acceptedSchema } },
  problems: [
    'invalid_event_name',
    'reserved_event_name',
    'invalid_json',
    'invalid_encoding',
    'invalid_idempotency_key',
    'idempotency_key_reused',
    'payload_too_large',
    'unsupported_media_type',
  ],
} as const satisfies RouteSpec

export const mountTrigger = (app: App, trigger: TriggerEvent, maxPayloadBytes: number): void =>
  mount(app, triggerSpec, async (c) => {
    const { headers } = c.req.raw
    const answer = await trigger({
      tenant: c.get('caller').tenant,
      eventName: c.req.param('eventName') ?? '',
      contentType: headers.get('content-type') ?? undefined,
      body: await readBody(c.req.raw, maxPayloadBytes),
      idempotencyKey: headers.get('idempotency-key') ?? undefined,
      traceparent: acceptTraceparent(headers.get('traceparent')),
    })
    return c.json(
      answer.deliveries === 0 ? { ...answer, hint: hint(answer.eventName) } : answer,
      202,
    )
  })

const hint = (eventName: string): string =>
  `no enabled webhook is registered for "${eventName}"; the message is kept and delivered to nobody`
