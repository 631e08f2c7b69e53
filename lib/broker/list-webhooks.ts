// Lists webhooks, from Postgres: a set in Redis has no order, and a page needs one.

import type { WebhookPage, WebhookQuery, WebhookStore } from './ports.ts'
import { acceptEventName } from './register-webhook.ts'

/** Oldest first, stable (created, id). Past the end: no rows and the right total. */
export type ListWebhooks = (query: WebhookQuery) => Promise<WebhookPage>

/** @throws BrokerError `invalid_event_name`, `log_unavailable` */
export const makeListWebhooks =
  ({ webhooks }: { webhooks: WebhookStore }): ListWebhooks =>
  async (query) => {
    if (query.eventName !== undefined) acceptEventName(query.eventName)
    return webhooks.list(query)
  }
