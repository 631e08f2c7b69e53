// The typed client: `import { makeClient } from 'webhook-broker/client'`. Every route of the OpenAPI document, and
// `trigger` in one line. It imports nothing of the broker: a service that triggers events carries this folder alone.

import createFetchClient, { type Client } from 'openapi-fetch'
import { apiError, ApiError, UnreachableError, type Problem } from './errors.ts'
import {
  DEFAULT_RETRY,
  IDEMPOTENCY_KEY,
  retryingFetch,
  type RetryPorts,
  type RetrySettings,
} from './retry.ts'
import type { components, paths } from './schema.ts'

export { ApiError, UnreachableError, type Problem, type RetrySettings, type components, type paths }

export type ClientOptions = {
  /** Where the broker is, such as `http://127.0.0.1:3000`. */
  baseUrl: string
  /** Absent when the broker asks for none. */
  apiKey?: string | undefined
  /** What differs from five tries, 200 ms doubling up to 10 s, 30 s for each try. */
  retry?: Partial<RetrySettings> | undefined
  /** Replaces the global fetch. */
  fetch?: ((request: Request) => Promise<Response>) | undefined
}

export type TriggerOptions = {
  /** One per event that happened; a fresh UUID when absent. */
  idempotencyKey?: string | undefined
  /** Ends the trying. The event may have been accepted all the same. */
  signal?: AbortSignal | undefined
  /** For example `traceparent`. */
  headers?: Record<string, string> | undefined
}

export type Accepted = components['schemas']['Accepted']

export type BrokerClient = Client<paths> & {
  /**
   * Fires an event.
   *
   * @param payload any JSON value; bytes (`Uint8Array`) are sent as they are and must be JSON; absent: `{}`
   * @throws ApiError when the broker refused it; UnreachableError when it is not known to be accepted
   */
  trigger(eventName: string, payload?: unknown, options?: TriggerOptions): Promise<Accepted>
}

/** Makes a client. It keeps no state; one per process is enough. */
export const makeClient = (options: ClientOptions): BrokerClient => {
  const send = retryingFetch(settingsOf(options.retry), ports(options.fetch))
  const client = createFetchClient<paths>({
    baseUrl: options.baseUrl.replace(/\/+$/, ''),
    fetch: (request) => send(withKey(request)),
    ...(options.apiKey === undefined
      ? {}
      : { headers: { authorization: `Bearer ${options.apiKey}` } }),
  })
  return { ...client, trigger: triggerOver(client) }
}

const triggerOver =
  (client: Client<paths>): BrokerClient['trigger'] =>
  async (eventName, payload, { idempotencyKey, signal, headers } = {}) => {
    const body = payload === undefined ? undefined : bytesOf(payload)
    const { data, error, response } = await client.POST('/api/v0/trigger-event/{eventName}', {
      params: { path: { eventName } },
      headers: {
        'content-type': 'application/json',
        ...headers,
        ...(idempotencyKey === undefined ? {} : { [IDEMPOTENCY_KEY]: idempotencyKey }),
      },
      ...(body === undefined ? {} : { body, bodySerializer: () => body }),
      ...(signal === undefined ? {} : { signal }),
    })
    if (data === undefined) throw apiError(response, error)
    return data
  }

const bytesOf = (payload: unknown): Uint8Array | string => {
  if (payload instanceof Uint8Array) return payload
  // Typed as a string, but undefined for a function or a symbol.
  const text = JSON.stringify(payload) as string | undefined
  if (text === undefined) throw new TypeError(`a payload of type ${typeof payload} is not JSON`)
  return text
}

const TRIGGER_PATH = '/api/v0/trigger-event/'

/** Before the first try: every repetition then carries the same key. */
const withKey = (request: Request): Request => {
  const isTrigger =
    request.method === 'POST' && new URL(request.url).pathname.includes(TRIGGER_PATH)
  if (isTrigger && !request.headers.has(IDEMPOTENCY_KEY)) {
    request.headers.set(IDEMPOTENCY_KEY, crypto.randomUUID())
  }
  return request
}

const settingsOf = (given: Partial<RetrySettings> = {}): RetrySettings => {
  const settings = { ...DEFAULT_RETRY, ...given }
  if (!Number.isInteger(settings.attempts) || settings.attempts < 1) {
    throw new RangeError('retry.attempts must be a whole number from 1')
  }
  return settings
}

const ports = (fetch: ClientOptions['fetch']): RetryPorts => ({
  // Looked up at each call, so that what replaces the global one later (tracing, say) is used.
  fetch: fetch ?? ((request) => globalThis.fetch(request)),
  wait,
  fraction: Math.random,
  nowMs: Date.now,
})

const wait = (delayMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const giveUp = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', giveUp)
      resolve()
    }, delayMs)
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp, { once: true })
  })
