// Webhooks: register and list. Managing one stands in manage.ts.

import * as z from 'zod'
import type { ListWebhooks } from '../../broker/list-webhooks.ts'
import type { RegisterWebhook } from '../../broker/register-webhook.ts'
import { isId } from '../../domain/ids.ts'
import type { App } from '../env.ts'
import { cursor, decodeCursor, encodeCursor, isDatabaseTime, offset, pageSize } from '../paging.ts'
import { mount, type RouteSpec } from '../route.ts'
import {
  presentWebhook,
  registerBody,
  webhookListSchema,
  webhookSchema,
  webhookWithSecretSchema,
} from '../schemas-webhooks.ts'

export const registerSpec = {
  method: 'post',
  path: '/api/v0/webhooks',
  scope: 'manage',
  tag: 'webhooks',
  summary: 'Register a webhook',
  description:
    'The same event and URL again, however the URL is spelled, is the same webhook: 200, without the secret.',
  body: registerBody,
  bodyExample: { eventName: 'upload_image', webhookUrl: 'http://127.0.0.1:4000/hook' },
  responses: {
    201: {
      description: 'registered; the secret is shown this once',
      schema: webhookWithSecretSchema,
    },
    200: { description: 'it was registered before', schema: webhookSchema },
  },
  problems: [
    'invalid_request',
    'invalid_json',
    'invalid_event_name',
    'invalid_url',
    'forbidden_address',
    'payload_too_large',
    'unsupported_media_type',
  ],
} as const satisfies RouteSpec

export const mountRegister = (app: App, register: RegisterWebhook): void =>
  mount(app, registerSpec, async (c, { body }) => {
    const { webhook, created, secret } = await register({ tenant: c.get('caller').tenant, ...body })
    return secret === null
      ? c.json(presentWebhook(webhook), created ? 201 : 200)
      : c.json({ ...presentWebhook(webhook), secret }, 201)
  })

const pageQuery = z.object({ page_size: pageSize, offset, cursor })

export const listSpec = {
  method: 'get',
  path: '/api/v0/webhooks',
  scope: 'read',
  tag: 'webhooks',
  summary: 'List webhooks',
  description:
    'Oldest first, in a stable order (created, id). A cursor takes the place of the offset.',
  query: pageQuery,
  responses: { 200: { description: 'a page', schema: webhookListSchema } },
  problems: ['invalid_request'],
} as const satisfies RouteSpec

export const listOfEventSpec = {
  ...listSpec,
  path: '/api/v0/webhooks/{eventName}',
  summary: 'List the webhooks of an event',
  problems: ['invalid_request', 'invalid_event_name'],
} as const satisfies RouteSpec

type PageQuery = z.output<typeof pageQuery>

const CURSOR_RULES = [isDatabaseTime, (part: string) => isId('wh', part)]

export const mountList = (app: App, list: ListWebhooks): void => {
  const page = async (tenant: string, eventName: string | undefined, query: PageQuery) => {
    const [createdAt = '', id = ''] =
      query.cursor === undefined ? [] : decodeCursor(query.cursor, CURSOR_RULES)
    const { webhooks, total, nextCursor } = await list({
      tenant,
      eventName,
      pageSize: query.page_size,
      offset: query.offset,
      cursor: query.cursor === undefined ? undefined : { createdAt, id },
    })
    const next = query.offset + webhooks.length
    return {
      webhooks: webhooks.map(presentWebhook),
      total,
      pageSize: query.page_size,
      offset: query.offset,
      nextOffset: query.cursor === undefined && nextCursor !== null ? next : null,
      nextCursor: nextCursor === null ? null : encodeCursor([nextCursor.createdAt, nextCursor.id]),
    }
  }
  mount(app, listSpec, async (c, { query }) =>
    c.json(await page(c.get('caller').tenant, undefined, query)),
  )
  mount(app, listOfEventSpec, async (c, { query }) =>
    c.json(await page(c.get('caller').tenant, c.req.param('eventName'), query)),
  )
}
