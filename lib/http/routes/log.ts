// Reading the delivery log: what was delivered, what was not yet, and why.

import * as z from 'zod'
import type { AuditLog } from '../../broker/audit.ts'
import type { LogReader } from '../../broker/ports.ts'
import { DELIVERY_STATUSES, type DeliveryStatus } from '../../domain/delivery.ts'
import { BrokerError } from '../../domain/errors.ts'
import { isId, type IdPrefix } from '../../domain/ids.ts'
import type { App } from '../env.ts'
import { cursor, decodeCursor, encodeCursor, pageSize } from '../paging.ts'
import { mount, type RouteSpec } from '../route.ts'
import { eventName, idOf, time } from '../filters.ts'
import { asText } from '../schemas.ts'
import {
  auditSchema,
  deliveryListSchema,
  deliveryWithAttemptsSchema,
  messageListSchema,
  messageSchema,
  presentAttempt,
  presentDelivery,
  presentMessageSummary,
} from '../schemas-log.ts'

const deliveriesQuery = z.object({
  status: z.enum(DELIVERY_STATUSES as [DeliveryStatus]).optional(),
  eventName,
  webhookId: idOf('wh', 'webhook'),
  messageId: idOf('msg', 'message'),
  from: time,
  to: time,
  page_size: pageSize,
  cursor,
})

export const deliveriesSpec = {
  method: 'get',
  path: '/api/v0/deliveries',
  scope: 'read',
  tag: 'log',
  summary: 'List deliveries',
  description: 'Newest first. Pages are stable while deliveries are added.',
  query: deliveriesQuery,
  responses: { 200: { description: 'a page', schema: deliveryListSchema } },
  problems: ['invalid_request'],
} as const satisfies RouteSpec

export const deliverySpec = {
  method: 'get',
  path: '/api/v0/deliveries/{id}',
  scope: 'read',
  tag: 'log',
  summary: 'Read a delivery with every attempt, and why it is not delivered yet',
  responses: { 200: { description: 'the delivery', schema: deliveryWithAttemptsSchema } },
  problems: ['not_found'],
} as const satisfies RouteSpec

const messagesQuery = deliveriesQuery.pick({
  eventName: true,
  from: true,
  to: true,
  page_size: true,
  cursor: true,
})

export const messagesSpec = {
  method: 'get',
  path: '/api/v0/messages',
  scope: 'read',
  tag: 'log',
  summary: 'List messages',
  description:
    'What was triggered, newest first, also what matched nobody. Without payloads and deliveries: ' +
    'read a message for these. Pages are stable while messages are added.',
  query: messagesQuery,
  responses: { 200: { description: 'a page', schema: messageListSchema } },
  problems: ['invalid_request'],
} as const satisfies RouteSpec

export const messageSpec = {
  method: 'get',
  path: '/api/v0/messages/{id}',
  scope: 'read',
  tag: 'log',
  summary: 'Read a message with its deliveries',
  responses: { 200: { description: 'the message', schema: messageSchema } },
  problems: ['not_found'],
} as const satisfies RouteSpec

export const auditSpec = {
  method: 'get',
  path: '/api/v0/audit',
  scope: 'read',
  tag: 'log',
  summary: 'Check that nothing was lost',
  description:
    'Per day (UTC): matched = delivered + dead + cancelled + open, counted by SQL alone.',
  responses: { 200: { description: 'the balance', schema: auditSchema } },
  problems: [],
} as const satisfies RouteSpec

const beforeId = (prefix: IdPrefix, text: string | undefined): string | undefined => {
  if (text === undefined) return undefined
  const [id] = decodeCursor(text, [(part) => isId(prefix, part)])
  return id
}

const nextCursor = (nextId: string | null): string | null =>
  nextId === null ? null : encodeCursor([nextId])

export const mountLog = (app: App, reader: LogReader, audit: AuditLog): void => {
  mount(app, deliveriesSpec, async (c, { query }) => {
    const { deliveries, nextId } = await reader.deliveries({
      tenant: c.get('caller').tenant,
      status: query.status,
      eventName: query.eventName,
      webhookId: query.webhookId,
      messageId: query.messageId,
      from: query.from,
      to: query.to,
      beforeId: beforeId('dlv', query.cursor),
      pageSize: query.page_size,
    })
    return c.json({
      deliveries: deliveries.map(presentDelivery),
      nextCursor: nextCursor(nextId),
    })
  })
  mount(app, deliverySpec, async (c) => {
    const id = c.req.param('id') ?? ''
    const found = isId('dlv', id) ? await reader.delivery(c.get('caller').tenant, id) : undefined
    if (found === undefined) throw new BrokerError('not_found', 'there is no such delivery')
    return c.json({ ...presentDelivery(found), attempts: found.attempts.map(presentAttempt) })
  })
  mount(app, messagesSpec, async (c, { query }) => {
    const { messages, nextId } = await reader.messages({
      tenant: c.get('caller').tenant,
      eventName: query.eventName,
      from: query.from,
      to: query.to,
      beforeId: beforeId('msg', query.cursor),
      pageSize: query.page_size,
    })
    return c.json({
      messages: messages.map(presentMessageSummary),
      nextCursor: nextCursor(nextId),
    })
  })
  mount(app, messageSpec, async (c) => {
    const id = c.req.param('id') ?? ''
    const found = isId('msg', id) ? await reader.message(c.get('caller').tenant, id) : undefined
    if (found === undefined) throw new BrokerError('not_found', 'there is no such message')
    return c.json({
      id: found.id,
      eventName: found.eventName,
      contentType: found.contentType,
      size: found.payload.byteLength,
      payload: asText(found.payload),
      createdAt: found.createdAt.toISOString(),
      deliveries: found.deliveries.map(presentDelivery),
    })
  })
  mount(app, auditSpec, async (c) => c.json(await audit(c.get('caller').tenant)))
}
