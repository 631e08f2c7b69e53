// One webhook: read, change, remove, rotate its secret, send it a test event.

import type { Context } from 'hono'
import type { ManageWebhook } from '../../broker/manage-webhook.ts'
import type { WebhookKey } from '../../broker/ports.ts'
import { acceptEventName } from '../../broker/register-webhook.ts'
import { BrokerError } from '../../domain/errors.ts'
import { isId } from '../../domain/ids.ts'
import type { App, AppEnv } from '../env.ts'
import { mount, type RouteSpec } from '../route.ts'
import { acceptedSchema } from '../schemas.ts'
import {
  changeBody,
  changedWebhookSchema,
  presentChanged,
  presentWebhook,
  webhookSchema,
  webhookWithSecretSchema,
} from '../schemas-webhooks.ts'

const path = '/api/v0/webhooks/{eventName}/{id}'

export const findSpec = {
  method: 'get',
  path,
  scope: 'read',
  tag: 'webhooks',
  summary: 'Read a webhook',
  responses: { 200: { description: 'the webhook', schema: webhookSchema } },
  problems: ['invalid_event_name', 'not_found'],
} as const satisfies RouteSpec

export const changeSpec = {
  method: 'patch',
  path,
  scope: 'manage',
  tag: 'webhooks',
  summary: 'Change a webhook',
  description:
    'An absent field stays as it is. Enabling it also lets go what waited for it, and says what it missed.',
  body: changeBody,
  bodyExample: { status: 'disabled' },
  responses: { 200: { description: 'the webhook as it is now', schema: changedWebhookSchema } },
  problems: [
    'invalid_event_name',
    'not_found',
    'invalid_request',
    'invalid_json',
    'unsupported_media_type',
    'payload_too_large',
  ],
} as const satisfies RouteSpec

export const removeSpec = {
  method: 'delete',
  path,
  scope: 'manage',
  tag: 'webhooks',
  summary: 'Remove a webhook',
  description: 'Its open deliveries become cancelled. Registering again makes a new webhook.',
  responses: { 204: { description: 'removed' } },
  problems: ['invalid_event_name', 'not_found'],
} as const satisfies RouteSpec

export const rotateSpec = {
  method: 'post',
  path: `${path}/rotate-secret`,
  scope: 'manage',
  tag: 'webhooks',
  summary: 'Rotate the secret',
  description: 'The old secret also signs for 24 hours.',
  responses: {
    200: { description: 'the new secret, shown this once', schema: webhookWithSecretSchema },
  },
  problems: ['invalid_event_name', 'not_found'],
} as const satisfies RouteSpec

export const testSpec = {
  method: 'post',
  path: `${path}/test`,
  scope: 'manage',
  tag: 'webhooks',
  summary: 'Send a sample event to this webhook only',
  responses: { 202: { description: 'accepted', schema: acceptedSchema } },
  problems: ['invalid_event_name', 'not_found', 'conflict'],
} as const satisfies RouteSpec

/** @throws BrokerError `invalid_event_name`, or `not_found` for what is no id of ours: no store is asked about either */
const keyOf = (c: Context<AppEnv>): WebhookKey => {
  const eventName = acceptEventName(c.req.param('eventName') ?? '')
  const id = c.req.param('id') ?? ''
  if (!isId('wh', id)) throw new BrokerError('not_found', 'there is no such webhook')
  return { tenant: c.get('caller').tenant, eventName, id }
}

export const mountManage = (app: App, manage: ManageWebhook): void => {
  mount(app, findSpec, async (c) => c.json(presentWebhook(await manage.find(keyOf(c)))))
  mount(app, changeSpec, async (c, { body }) => {
    const { webhook, missed } = await manage.change(keyOf(c), body)
    return c.json(presentChanged(webhook, missed))
  })
  mount(app, removeSpec, async (c) => {
    await manage.remove(keyOf(c))
    return c.body(null, 204)
  })
  mount(app, rotateSpec, async (c) => {
    const { webhook, secret } = await manage.rotateSecret(keyOf(c))
    return c.json({ ...presentWebhook(webhook), secret })
  })
  mount(app, testSpec, async (c) => c.json(await manage.test(keyOf(c)), 202))
}
