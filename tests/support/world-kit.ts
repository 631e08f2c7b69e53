// Short words for the stories of the broker in memory: what a team does, and what its receiver sees.

import { createHmac } from 'node:crypto'
import type { SendRequest } from '../../lib/broker/ports.ts'
import type { SendOutcome } from '../../lib/domain/attempt.ts'
import { TENANT, type FakeBroker } from './fakes/world-broker.ts'

export const EVENT = 'upload_image'
export const urlOf = (name: string): string => `http://127.0.0.1:4000/${name}`

/** Registers a receiver by name. */
export const subscribe = async (broker: FakeBroker, name: string) => {
  const { webhook, secret } = await broker.register({
    tenant: TENANT,
    eventName: EVENT,
    webhookUrl: urlOf(name),
  })
  return { key: { tenant: TENANT, eventName: EVENT, id: webhook.id }, secret: secret ?? '' }
}

export const fire = (broker: FakeBroker, idempotencyKey?: string, body = '{"a":1}') =>
  broker.trigger({
    tenant: TENANT,
    eventName: EVENT,
    contentType: 'application/json',
    body: Buffer.from(body),
    idempotencyKey,
    traceparent: null,
  })

/** Fires and returns the one delivery that this makes. */
export const fireOne = async (broker: FakeBroker): Promise<string> => {
  const { messageId } = await fire(broker)
  const message = await broker.reader.message(TENANT, messageId)
  const [only, ...more] = message?.deliveries ?? []
  if (only === undefined || more.length > 0) throw new Error('expected one delivery')
  return only.id
}

export const answer = (statusCode: number, headers: Record<string, string> = {}): SendOutcome => ({
  kind: 'answered',
  response: { statusCode, headers, body: new Uint8Array(), bodyBroken: false },
})

/** What the log says of a delivery, in one line: its status and each attempt. */
export const storyOf = async (broker: FakeBroker, id: string): Promise<string> => {
  const view = await broker.reader.delivery(TENANT, id)
  const attempts = view?.attempts.map(
    ({ number, outcome, statusCode }) => `${number} ${outcome} ${statusCode ?? '-'}`,
  )
  return [view?.status, ...(attempts ?? [])].join(', ')
}

/** How often a receiver was asked. */
export const askedOf = (broker: FakeBroker, name: string): SendRequest[] =>
  broker.requests.filter(({ url }) => url === urlOf(name))

/** The signatures that a receiver computes by the standard, one for each secret. */
export const signaturesOf = ({ headers, body }: SendRequest, secrets: readonly string[]): string =>
  secrets
    .map((secret) => {
      const mac = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
      mac.update(`${headers['webhook-id'] ?? ''}.${headers['webhook-timestamp'] ?? ''}.`)
      return `v1,${mac.update(body).digest('base64')}`
    })
    .join(' ')
