// The state of a delivery or a webhook: a sign and a word, so that no meaning hangs on a colour.

import type { Delivery, DeliveryStatus, WaitReason, Webhook } from '../api/types.ts'

const SIGNS: Record<DeliveryStatus, string> = {
  pending: '○',
  retrying: '◐',
  delivered: '●',
  dead: '✕',
  cancelled: '–',
}

const TONES: Record<DeliveryStatus, string> = {
  pending: 'calm',
  retrying: 'warn',
  delivered: 'good',
  dead: 'bad',
  cancelled: 'calm',
}

export const Badge = ({
  tone,
  sign,
  children,
}: {
  tone: string
  sign: string
  children: string
}) => (
  <span class={`badge ${tone}`}>
    <span class="sign" aria-hidden="true">
      {sign}
    </span>
    {children}
  </span>
)

export const StatusBadge = ({ status }: { status: DeliveryStatus }) => (
  <Badge tone={TONES[status]} sign={SIGNS[status]}>
    {status}
  </Badge>
)

type WebhookBadgeProps = {
  webhook: Pick<Webhook, 'status' | 'disabledReason'>
  /** What its deliveries say: nothing gets through, or the broker gives it a rest. */
  trouble?: 'failing' | 'breaker open' | undefined
}

export const WebhookBadge = ({ webhook, trouble }: WebhookBadgeProps) =>
  webhook.status === 'enabled' && trouble !== undefined ? (
    <Badge tone={trouble === 'failing' ? 'warn' : 'bad'} sign="◐">
      {trouble}
    </Badge>
  ) : webhook.status === 'enabled' ? (
    <Badge tone="good" sign="●">
      enabled
    </Badge>
  ) : (
    <Badge tone={webhook.disabledReason === 'manual' ? 'calm' : 'bad'} sign="–">
      disabled
    </Badge>
  )

const WAITS: Record<WaitReason, string> = {
  backoff: 'waits for its next attempt',
  rate_limited: 'waits for its turn under the rate limit',
  breaker_open: 'waits: the webhook fails, and is given a rest',
  webhook_disabled: 'waits until the webhook is enabled',
  in_flight: 'an attempt is under way',
  queued: 'waits for a free worker',
}

const DEAD: Record<string, string> = {
  schedule_exhausted: 'every attempt of the schedule failed',
  gone: 'the receiver answered 410, gone',
  blocked_address: 'its address may not be called',
  crash_budget: 'too many attempts ended without a result',
}

export const waitText = (reason: WaitReason): string => WAITS[reason]

/** The sentence that says what became of a delivery, or what it waits for. */
export const fateOf = (delivery: Delivery): string => {
  if (delivery.waiting !== null) return WAITS[delivery.waiting.reason]
  if (delivery.status === 'dead') return DEAD[delivery.deadReason ?? ''] ?? 'given up'
  if (delivery.status === 'cancelled') return 'stopped by a person, or its webhook was removed'
  if (delivery.status === 'delivered') {
    return delivery.attemptCount === 1
      ? 'at the first attempt'
      : `at attempt ${delivery.attemptCount}`
  }
  return ''
}

export const whyDisabled = (webhook: Pick<Webhook, 'disabledReason'>): string => {
  switch (webhook.disabledReason) {
    case 'gone':
      return 'the receiver answered 410, gone'
    case 'failing':
      return 'it failed for days'
    case 'manual':
    case null:
      return 'by a person'
  }
}
