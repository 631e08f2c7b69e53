// Registers "event name -> URL". Repeating a registration is safe: the same URL, however it is spelled, is one webhook.

import { BrokerError, fieldError } from '../domain/errors.ts'
import { EVENT_NAME_RULE, isEventName } from '../domain/event-name.ts'
import { SECRET_NONCE_BYTES, type SecretBox } from '../domain/secret-box.ts'
import { isSecret, makeSecret, SECRET_RULE } from '../domain/signature.ts'
import {
  acceptCustomHeaders,
  MAX_TIMEOUT_MS,
  normaliseWebhookUrl,
  type RateLimit,
  type UrlPolicy,
  type Webhook,
} from '../domain/webhook.ts'
import type { IdSource, Log, Random, WebhookStore } from './ports.ts'
import { applyRoutingChange, type RoutingDeps } from './routing.ts'

export type RegisterInput = {
  tenant: string
  eventName: string
  webhookUrl: string
  description?: string | null | undefined
  headers?: Record<string, string> | undefined
  timeoutMs?: number | null | undefined
  rateLimit?: RateLimit | null | undefined
  maxInFlight?: number | null | undefined
  /** `whsec_` and base64 of 24 to 64 bytes; made here when absent. */
  secret?: string | undefined
}

/** @returns the secret only when the webhook is new: it is shown this once */
export type RegisterWebhook = (
  input: RegisterInput,
) => Promise<{ webhook: Webhook; created: boolean; secret: string | null }>

export type RegisterDeps = RoutingDeps & {
  webhooks: WebhookStore
  ids: IdSource
  random: Random
  secretBox: SecretBox
  urlPolicy: UrlPolicy
  log: Log
}

const SECRET_BYTES = 32

/** @throws BrokerError `invalid_event_name`, `invalid_url`, `forbidden_address`, `invalid_request`, `log_unavailable` */
export const makeRegisterWebhook =
  (deps: RegisterDeps): RegisterWebhook =>
  async (input) => {
    const eventName = acceptEventName(input.eventName)
    const webhookUrl = normaliseWebhookUrl(input.webhookUrl, deps.urlPolicy)
    const secret = input.secret ?? makeSecret(deps.random.bytes(SECRET_BYTES))
    if (!isSecret(secret)) throw fieldError('invalid_request', 'secret', SECRET_RULE)
    checkTimeout(input.timeoutMs)
    const id = deps.ids.webhook()
    const { webhook, created, change } = await deps.webhooks.register({
      id,
      tenant: input.tenant,
      eventName,
      webhookUrl,
      description: input.description ?? null,
      headers: acceptCustomHeaders(input.headers ?? {}),
      timeoutMs: input.timeoutMs ?? null,
      rateLimit: input.rateLimit ?? null,
      maxInFlight: input.maxInFlight ?? null,
      sealedSecret: deps.secretBox.seal(secret, id, deps.random.bytes(SECRET_NONCE_BYTES)),
    })
    await applyRoutingChange(deps, change)
    deps.log.info('webhook.registered', { webhookId: webhook.id, eventName, created })
    return { webhook, created, secret: created ? secret : null }
  }

/** @throws BrokerError `invalid_event_name` */
export const acceptEventName = (eventName: string): string => {
  if (isEventName(eventName)) return eventName
  throw fieldError('invalid_event_name', 'eventName', EVENT_NAME_RULE)
}

/** @throws BrokerError `invalid_request` */
export const checkTimeout = (timeoutMs: number | null | undefined): void => {
  if (timeoutMs === null || timeoutMs === undefined) return
  if (Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return
  throw new BrokerError('invalid_request', 'the timeout is out of range', {
    faults: [{ field: 'timeoutMs', message: `a whole number from 1 to ${MAX_TIMEOUT_MS}` }],
  })
}
