// What a team does with the broker over HTTP, in as few words as a test needs.

import { waitUntil } from '../support/wait.ts'

export type Answer = { status: number; text: string; json: Record<string, unknown>; tookMs: number }

export type Webhook = { id: string; webhookUrl: string; secret: string }

export type Attempt = {
  number: number
  outcome: 'succeeded' | 'failed' | 'unknown'
  code: string | null
  statusCode: number | null
  responseBody: string | null
  startedAt: string
  finishedAt: string | null
}

export type Delivery = {
  id: string
  messageId: string
  webhookId: string
  webhookUrl: string
  status: 'pending' | 'retrying' | 'delivered' | 'dead' | 'cancelled'
  inFlight: boolean
  attemptCount: number
  waiting: { reason: string; until: string | null } | null
  deadReason: string | null
}

export type RequestOptions = { body?: string | Buffer; idempotencyKey?: string }

export type Client = {
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>
  /** Registers; the answer must be 201. */
  register(eventName: string, webhookUrl: string): Promise<Webhook>
  /** Fires an event; the answer must be 202. */
  trigger(
    eventName: string,
    options?: RequestOptions,
  ): Promise<{ messageId: string; deliveries: number; tookMs: number }>
  /** All deliveries of a message. */
  deliveriesOf(messageId: string): Promise<Delivery[]>
  delivery(id: string): Promise<Delivery & { attempts: Attempt[] }>
  /** The deliveries of a message, once all of them have this status. */
  untilAll(
    messageId: string,
    status: Delivery['status'],
    timeoutMs?: number,
  ): Promise<(Delivery & { attempts: Attempt[] })[]>
}

const ANSWER_TIMEOUT_MS = 20_000

/** @param url of the API, asked for at each request: it may come back on another port */
export const makeClient = (url: () => string): Client => {
  const request: Client['request'] = async (method, path, { body, idempotencyKey } = {}) => {
    const startedMs = performance.now()
    const response = await fetch(url() + path, {
      method,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    })
    const text = await response.text()
    const tookMs = performance.now() - startedMs
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    const json = isJson ? (JSON.parse(text) as Record<string, unknown>) : {}
    return { status: response.status, text, json, tookMs }
  }
  const expectStatus = (answer: Answer, status: number, what: string) => {
    if (answer.status === status) return
    throw new Error(`${what} was answered ${answer.status}, not ${status}: ${answer.text}`)
  }
  const get = async <T>(path: string): Promise<T> => {
    const answer = await request('GET', path)
    expectStatus(answer, 200, `GET ${path}`)
    return answer.json as T
  }
  const delivery: Client['delivery'] = (id) => get(`/api/v0/deliveries/${id}`)
  const deliveriesOf: Client['deliveriesOf'] = async (messageId) => {
    const found: Delivery[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const page: { deliveries: Delivery[]; nextCursor: string | null } = await get(
        `/api/v0/deliveries?messageId=${messageId}&page_size=200${more}`,
      )
      found.push(...page.deliveries)
      cursor = page.nextCursor
    }
    return found
  }
  return {
    request,
    delivery,
    deliveriesOf,
    register: async (eventName, webhookUrl) => {
      const body = JSON.stringify({ eventName, webhookUrl })
      const answer = await request('POST', '/api/v0/webhooks', { body })
      expectStatus(answer, 201, `registering ${webhookUrl}`)
      return answer.json as Webhook
    },
    trigger: async (eventName, options = {}) => {
      const path = `/api/v0/trigger-event/${eventName}`
      const answer = await request('POST', path, { body: '{}', ...options })
      expectStatus(answer, 202, `triggering ${eventName}`)
      const { messageId, deliveries } = answer.json as { messageId: string; deliveries: number }
      return { messageId, deliveries, tookMs: answer.tookMs }
    },
    untilAll: async (messageId, status, timeoutMs = 10_000) => {
      const all = await waitUntil(
        async () => {
          const found = await deliveriesOf(messageId)
          return found.every((each) => each.status === status) && found
        },
        { timeoutMs, message: `all deliveries of ${messageId} to be ${status}` },
      )
      return Promise.all(all.map(({ id }) => delivery(id)))
    },
  }
}
