// The broker itself disables a webhook: its receiver answered 410 (the result says so, in its own commit), or has failed
// for days. What waits for it is parked when it comes up, until somebody enables the webhook again.

import type { DisabledReason } from '../domain/webhook.ts'
import type { RoutingChange, WebhookStore } from './ports.ts'
import { applyRoutingChange, type RoutingDeps } from './routing.ts'

/** It has failed for days. Does nothing when it is disabled already. @throws BrokerError `log_unavailable` */
export const disableFailing = async (
  deps: RoutingDeps & { webhooks: Pick<WebhookStore, 'disable'> },
  webhookId: string,
): Promise<void> => {
  const change = await deps.webhooks.disable(webhookId, 'failing')
  await tellDisabled(deps, { webhookId, reason: 'failing', change })
}

/** What follows the commit that disabled it. @param disabled `change` is null when it was disabled already */
export const tellDisabled = async (
  deps: RoutingDeps,
  disabled: { webhookId: string; reason: DisabledReason; change: RoutingChange | null },
): Promise<void> => {
  const { webhookId, reason, change } = disabled
  if (change === null) return
  deps.log.warn('webhook.disabled', { webhookId, reason })
  await applyRoutingChange(deps, change)
}
