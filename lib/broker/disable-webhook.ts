// The broker itself disables a webhook: its receiver answered 410, or has failed for days. What waits for it is parked
// when it comes up, until somebody enables the webhook again.

import type { DisabledReason } from '../domain/webhook.ts'
import type { WebhookStore } from './ports.ts'
import { applyRoutingChange, type RoutingDeps } from './routing.ts'

/** Does nothing when it is disabled already. @throws BrokerError `log_unavailable` */
export const disableWebhook = async (
  deps: RoutingDeps & { webhooks: Pick<WebhookStore, 'disable'> },
  webhookId: string,
  reason: DisabledReason,
): Promise<void> => {
  const change = await deps.webhooks.disable(webhookId, reason)
  await applyRoutingChange(deps, change)
  if (change !== null) deps.log.warn('webhook.disabled', { webhookId, reason })
}
