// What the dashboard asks the broker for, one function per question. Each throws what `answer` throws.

import { answer, broker, readKey } from './request.ts'
import type {
  Accepted,
  Audit,
  ChangedWebhook,
  Delivery,
  DeliveryList,
  DeliveryStatus,
  DeliveryWithAttempts,
  Message,
  MessageList,
  Missed,
  NewWebhook,
  Readiness,
  ReplayRun,
  Stats,
  Webhook,
  WebhookList,
  WebhookSettings,
  WebhookWithSecret,
} from './types.ts'

export type PageOf = { cursor?: string | undefined; pageSize: number }
export type WebhookKey = { eventName: string; id: string }

const WEBHOOK = '/api/v0/webhooks/{eventName}/{id}'

/** Leaves out what is undefined or empty: a parameter that is there counts. */
const given = <T extends object>(query: T): { [K in keyof T]: NonNullable<T[K]> } =>
  Object.fromEntries(
    Object.entries(query).filter(([, value]) => value !== undefined && value !== ''),
  ) as { [K in keyof T]: NonNullable<T[K]> }

const pageQuery = ({ cursor, pageSize }: PageOf) => given({ cursor, page_size: pageSize })

const path = <T>(parts: T) => ({ params: { path: parts } })
const at = ({ eventName, id }: WebhookKey) => path({ eventName, id })

export const listWebhooks = (eventName: string | undefined, page: PageOf): Promise<WebhookList> =>
  eventName === undefined
    ? answer(broker.GET('/api/v0/webhooks', { params: { query: pageQuery(page) } }))
    : answer(
        broker.GET('/api/v0/webhooks/{eventName}', {
          params: { path: { eventName }, query: pageQuery(page) },
        }),
      )

export const findWebhook = (key: WebhookKey): Promise<Webhook> =>
  answer(broker.GET(WEBHOOK, at(key)))

/** With a secret when it is new, without when the same event and URL were registered before. */
export const registerWebhook = (webhook: NewWebhook): Promise<Webhook | WebhookWithSecret> =>
  answer(broker.POST('/api/v0/webhooks', { body: webhook }))

/** Enabling it says what it missed. */
export const changeWebhook = (key: WebhookKey, change: WebhookSettings): Promise<ChangedWebhook> =>
  answer(broker.PATCH(WEBHOOK, { ...at(key), body: change }))

export const removeWebhook = (key: WebhookKey): Promise<unknown> =>
  answer(broker.DELETE(WEBHOOK, at(key)))

export const rotateSecret = (key: WebhookKey): Promise<WebhookWithSecret> =>
  answer(broker.POST(`${WEBHOOK}/rotate-secret`, at(key)))

export const sendTestEvent = (key: WebhookKey): Promise<Accepted> =>
  answer(broker.POST(`${WEBHOOK}/test`, at(key)))

/** @param payload sent as it is; whether it is JSON, the broker says */
export const triggerEvent = (
  eventName: string,
  payload: string,
  idempotencyKey: string,
): Promise<Accepted> =>
  broker.trigger(
    eventName,
    new TextEncoder().encode(payload),
    idempotencyKey === '' ? {} : { idempotencyKey },
  )

/** Names of parameters as they stand in the API, and in the address bar. */
export type DeliveryFilter = {
  status?: string | undefined
  eventName?: string | undefined
  webhookId?: string | undefined
  messageId?: string | undefined
  from?: string | undefined
  to?: string | undefined
}

/** A status out of the address bar may be none: the broker says so. */
type StatusFilter = Omit<DeliveryFilter, 'status'> & { status?: DeliveryStatus }

export const listDeliveries = (filter: DeliveryFilter, page: PageOf): Promise<DeliveryList> => {
  const query = { ...given(filter as StatusFilter), ...pageQuery(page) }
  return answer(broker.GET('/api/v0/deliveries', { params: { query } }))
}

export const findDelivery = (id: string): Promise<DeliveryWithAttempts> =>
  answer(broker.GET('/api/v0/deliveries/{id}', path({ id })))

export const replayDelivery = (id: string): Promise<Delivery> =>
  answer(broker.POST('/api/v0/deliveries/{id}/replay', path({ id })))

export const cancelDelivery = (id: string): Promise<Delivery> =>
  answer(broker.POST('/api/v0/deliveries/{id}/cancel', path({ id })))

export type MessageFilter = Pick<DeliveryFilter, 'eventName' | 'from' | 'to'>

export const listMessages = (filter: MessageFilter, page: PageOf): Promise<MessageList> =>
  answer(
    broker.GET('/api/v0/messages', { params: { query: { ...given(filter), ...pageQuery(page) } } }),
  )

export const findMessage = (id: string): Promise<Message> =>
  answer(broker.GET('/api/v0/messages/{id}', path({ id })))

/** Health is an answer here, also when it is a bad one. It stands outside the API, and takes no key. */
export const readiness = async (): Promise<Readiness> => {
  try {
    const response = await fetch('/readyz')
    if (response.ok) return (await response.json()) as Readiness
    return { status: 'unavailable', degraded: [response.status === 503 ? 'postgres' : 'broker'] }
  } catch {
    return { status: 'unavailable', degraded: ['broker'] }
  }
}

/** @returns how many a replay of these would send again; nothing changes */
export const countReplay = async (filter: DeliveryFilter): Promise<number> => {
  const body = { filter: given(filter as StatusFilter), dryRun: true }
  const counted = await answer(broker.POST('/api/v0/replays', { body }))
  return 'count' in counted ? counted.count : counted.total
}

/** @returns the id under which it runs, with or without this page */
export const startReplay = async (filter: DeliveryFilter): Promise<string> => {
  const body = { filter: given(filter as StatusFilter) }
  const started = await answer(broker.POST('/api/v0/replays', { body }))
  if (!('id' in started)) throw new Error('the broker counted instead of replaying')
  return started.id
}

/** What a webhook missed while it was disabled. @returns as `startReplay` */
export const replayMissed = async (filter: Missed['filter']): Promise<string> => {
  const started = await answer(broker.POST('/api/v0/replays', { body: { filter } }))
  if (!('id' in started)) throw new Error('the broker counted instead of replaying')
  return started.id
}

export const findReplay = (id: string): Promise<ReplayRun> =>
  answer(broker.GET('/api/v0/replays/{id}', path({ id })))

export type StatsQuery = {
  eventName?: string | undefined
  webhookId?: string | undefined
  from: string
  /** Seconds, whole minutes. */
  step: number
}

export const readStats = (query: StatsQuery): Promise<Stats> =>
  answer(broker.GET('/api/v0/stats', { params: { query: given(query) } }))

export const readAudit = (): Promise<Audit> => answer(broker.GET('/api/v0/audit'))

export type SweepFigures = { finishedAt: string | null; found: [finding: string, count: number][] }

/** What the sweep found since this process started; undefined where it keeps no such figures (on Lambda, say). */
export const readSweep = async (): Promise<SweepFigures | undefined> => {
  const key = readKey()
  const headers: HeadersInit = key === null ? {} : { authorization: `Bearer ${key}` }
  const response = await fetch('/metrics', { headers })
  if (!response.ok) return undefined
  const text = await response.text()
  const found = [
    ...text.matchAll(/^webhook_broker_sweep_findings_total\{.*finding="(\w+)".*\} (\d+)/gm),
  ]
  const [, seconds] = /^webhook_broker_sweep_last_finished_seconds (\S+)$/m.exec(text) ?? []
  const finishedMs = Number(seconds ?? 0) * 1_000
  return {
    finishedAt: finishedMs > 0 ? new Date(finishedMs).toISOString() : null,
    found: found.map(([, finding = '', count = '0']) => [finding, Number(count)]),
  }
}
