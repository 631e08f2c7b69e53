// The shapes of the API that the dashboard shows, by their names here. Times are ISO 8601 in UTC.

import type { components, Problem as ApiProblem } from '../../../client/client.ts'

type Schemas = components['schemas']

export type Webhook = Schemas['Webhook']
export type ChangedWebhook = Schemas['ChangedWebhook']
export type Missed = NonNullable<ChangedWebhook['missed']>
export type WebhookWithSecret = Schemas['WebhookWithSecret']
export type WebhookList = Schemas['WebhookList']
export type Delivery = Schemas['Delivery']
export type DeliveryWithAttempts = Schemas['DeliveryWithAttempts']
export type DeliveryList = Schemas['DeliveryList']
export type Attempt = Schemas['Attempt']
export type Message = Schemas['Message']
export type MessageList = Schemas['MessageList']
export type Accepted = Schemas['Accepted']

export type DeliveryStatus = Delivery['status']
export type WaitReason = NonNullable<Delivery['waiting']>['reason']
export type RateLimit = NonNullable<Webhook['rateLimit']>

export type WebhookSettings = Partial<
  Pick<Webhook, 'description' | 'headers' | 'timeoutMs' | 'rateLimit' | 'maxInFlight' | 'status'>
>
export type NewWebhook = Omit<WebhookSettings, 'status'> & { eventName: string; webhookUrl: string }

/** What the broker refused, or what stood in place of its answer. */
export type Problem = Pick<
  ApiProblem,
  'title' | 'status' | 'code' | 'detail' | 'errors' | 'requestId'
>

export type Readiness = { status: 'ready' | 'degraded' | 'unavailable'; degraded: string[] }

export type Stats = Schemas['Stats']
export type Bucket = Stats['buckets'][number]
export type Audit = Schemas['Audit']

/** Of many deliveries, as the broker runs it. */
export type ReplayRun = Schemas['Replay']
