// Operational events: what the broker tells a tenant about its own webhooks and deliveries. Ordinary events under the
// reserved prefix, sent to whoever registered for them. This file says what they are and what their messages look like.

import { assertNever } from './assert-never.ts'
import type { OutcomeCode } from './attempt.ts'
import type { DeadReason } from './delivery.ts'
import { makeId } from './ids.ts'
import { redactUrl } from './redact.ts'
import type { DisabledReason } from './webhook.ts'

export type AboutWebhook = { webhookId: string; eventName: string; webhookUrl: string }

/** An event as it is noted with the change that made it true. */
export type OperationalEvent =
  | { name: 'broker.webhook.disabled'; data: AboutWebhook & { reason: DisabledReason } }
  | {
      name: 'broker.webhook.failing' | 'broker.webhook.recovered'
      data: AboutWebhook & { failingSinceMs: number }
    }
  | {
      name: 'broker.delivery.dead'
      data: AboutWebhook & {
        deliveryId: string
        messageId: string
        reason: DeadReason
        attempts: number
        /** How the last attempt ended; null when nobody recorded it. */
        code: OutcomeCode | null
        statusCode: number | null
      }
    }

export type NotedEvent = OperationalEvent & {
  /** A UUID. */
  id: string
  tenant: string
  notedAtMs: number
}

/**
 * The message that publishes an event. The same event gives the same id and the same bytes, whoever publishes it and
 * however often, so that it is accepted once.
 */
export const messageOf = (event: NotedEvent): { messageId: string; payload: Uint8Array } => {
  const timestamp = new Date(event.notedAtMs).toISOString()
  const payload = { type: event.name, timestamp, data: dataOf(event) }
  return {
    messageId: makeId('msg', event.notedAtMs, bytesOf(event.id)),
    payload: new TextEncoder().encode(JSON.stringify(payload)),
  }
}

const bytesOf = (uuid: string): Uint8Array =>
  Uint8Array.from(Buffer.from(uuid.replaceAll('-', ''), 'hex'))

const dataOf = (event: OperationalEvent) => {
  switch (event.name) {
    case 'broker.webhook.disabled':
      return { ...aboutOf(event.data), reason: event.data.reason }
    case 'broker.webhook.failing':
    case 'broker.webhook.recovered':
      return {
        ...aboutOf(event.data),
        failingSince: new Date(event.data.failingSinceMs).toISOString(),
      }
    case 'broker.delivery.dead': {
      const { deliveryId, messageId, reason, attempts, code, statusCode } = event.data
      return {
        deliveryId,
        messageId,
        ...aboutOf(event.data),
        reason,
        attempts,
        lastAttempt: { code, statusCode },
      }
    }
    default:
      return assertNever(event)
  }
}

// The receiver of the event need not be the one that the URL belongs to, and a query may hold its token.
const aboutOf = ({ webhookId, eventName, webhookUrl }: AboutWebhook): AboutWebhook => ({
  webhookId,
  eventName,
  webhookUrl: redactUrl(webhookUrl),
})
