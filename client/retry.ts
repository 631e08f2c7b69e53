// A fetch that repeats what may be repeated: 429, 502, 503, 504 and a connection that broke, a bounded number of times.
// A repeated trigger carries the key of the first try, so it is accepted once whatever became of the first.

import { UnreachableError } from './errors.ts'

export type RetrySettings = {
  /** Tries in total; 1 never repeats. */
  attempts: number
  /** Before the second try; doubles with each further one, less up to a half of it at random. */
  baseDelayMs: number
  /** The longest wait. A `Retry-After` beyond it ends the repeating: the answer is handed back. */
  maxDelayMs: number
  /** For one try, from connect to the head of the answer. */
  timeoutMs: number
}

export const DEFAULT_RETRY: RetrySettings = {
  attempts: 5,
  baseDelayMs: 200,
  maxDelayMs: 10_000,
  timeoutMs: 30_000,
}

export type RetryPorts = {
  fetch(request: Request): Promise<Response>
  /** Rejects with the reason of the signal as soon as it is aborted. */
  wait(delayMs: number, signal: AbortSignal): Promise<void>
  /** A number in [0, 1). */
  fraction(): number
  /** Milliseconds since 1970, for a Retry-After that is a date. */
  nowMs(): number
}

export const IDEMPOTENCY_KEY = 'idempotency-key'

/**
 * Makes the repeating fetch.
 *
 * @returns a function that resolves with the last answer, whatever its status
 * @throws UnreachableError (from the function) when the last try got no answer, or none that may be asked for again
 */
export const retryingFetch =
  (settings: RetrySettings, ports: RetryPorts) =>
  async (request: Request): Promise<Response> => {
    // Read once: a stream can be sent only once.
    const body = request.body === null ? null : await request.arrayBuffer()
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt >= settings.attempts
      const outcome = await tryOnce(request, body, { settings, ports })
      if (outcome.kind === 'answered') {
        const { response } = outcome
        const delayMs = isLast
          ? undefined
          : delayAfter(request, response, { attempt, settings, ports })
        if (delayMs === undefined) return response
        // Frees the connection for the next try.
        await response.body?.cancel()
        await ports.wait(delayMs, request.signal)
      } else {
        if (isLast || !mayRepeat(request)) {
          throw new UnreachableError(request.url, attempt, outcome.error)
        }
        await ports.wait(backoffMs(attempt, settings, ports), request.signal)
      }
    }
  }

type Tools = { settings: RetrySettings; ports: RetryPorts }

type Outcome = { kind: 'answered'; response: Response } | { kind: 'broken'; error: unknown }

const tryOnce = async (
  request: Request,
  body: ArrayBuffer | null,
  { settings, ports }: Tools,
): Promise<Outcome> => {
  request.signal.throwIfAborted()
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(settings.timeoutMs)])
  const { method, headers, url } = request
  try {
    const attempt = new Request(url, { method, headers, body, signal, redirect: request.redirect })
    return { kind: 'answered', response: await ports.fetch(attempt) }
  } catch (error) {
    // The caller gave up: that is an answer to nobody's question.
    request.signal.throwIfAborted()
    return { kind: 'broken', error }
  }
}

/** Whether a second one does no harm when the first had its effect: a POST only with a key. */
const mayRepeat = ({ method, headers }: Request): boolean =>
  method !== 'POST' || headers.has(IDEMPOTENCY_KEY)

/** How long to wait before the next try; undefined when there should be none. */
const delayAfter = (
  request: Request,
  response: Response,
  { attempt, settings, ports }: Tools & { attempt: number },
): number | undefined => {
  // 429 says that nothing was done; the others leave it open.
  const isPassing = [502, 503, 504].includes(response.status) && mayRepeat(request)
  if (response.status !== 429 && !isPassing) return undefined
  const asked = retryAfterMs(response.headers.get('retry-after'), ports.nowMs())
  if (asked !== undefined && asked > settings.maxDelayMs) return undefined
  return Math.max(asked ?? 0, backoffMs(attempt, settings, ports))
}

const backoffMs = (attempt: number, settings: RetrySettings, ports: RetryPorts): number => {
  const longest = Math.min(settings.maxDelayMs, settings.baseDelayMs * 2 ** (attempt - 1))
  return Math.round(longest * (1 - ports.fraction() / 2))
}

/** Seconds or a date, as milliseconds from now; undefined for anything else. */
export const retryAfterMs = (header: string | null, nowMs: number): number | undefined => {
  if (header === null) return undefined
  const text = header.trim()
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  const atMs = /^[A-Za-z]{3}/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs)
}
