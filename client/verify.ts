// For receivers: `import { verify } from 'webhook-broker/verify'`. Says whether a request came from the broker, by the
// bytes as they arrived. Never give it a body that a framework has parsed and serialised again.

import { timingSafeEqual } from 'node:crypto'
import { Webhook } from 'standardwebhooks'

/** Headers of fetch, of Node's http, of Express, of a Lambda event: names in any case. */
export type HeaderBag = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

export type VerifyInput = {
  /** `whsec_…`; several while a secret is rotated: one that fits is enough. */
  secret: string | readonly string[]
  headers: HeaderBag
  /** The raw body. A string must be the body decoded as UTF-8 and nothing else. */
  body: Uint8Array | string
  /** How far `webhook-timestamp` may be from now, in either direction. 300,000 when absent. */
  toleranceMs?: number | undefined
  /** Milliseconds since 1970; the clock of the machine when absent. */
  nowMs?: number | undefined
}

export type Facts = {
  /** The same in every copy of an event: drop what you have seen (per URL). */
  messageId: string
  /** The time of this attempt. */
  timestamp: Date
  /** The body, parsed. Numbers beyond 2^53 lose digits here, not in the body. */
  payload: unknown
  /** Not covered by the signature, nor are the next two: whoever has one signed request can change them. */
  eventName: string
  deliveryId: string
  /** From 1. */
  attempt: number
}

export type RefusalReason =
  | 'missing_header'
  | 'invalid_header'
  | 'too_old'
  | 'too_new'
  | 'no_matching_signature'
  | 'invalid_body'

export type Verified =
  | ({ ok: true } & Facts)
  | { ok: false; reason: RefusalReason; /** For a log, not for the sender. */ detail: string }

const DEFAULT_TOLERANCE_MS = 300_000
const SIGNED_HEADERS = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const
const FACT_HEADERS = ['webhook-event', 'webhook-delivery-id', 'webhook-attempt'] as const

/**
 * Verifies one request.
 *
 * @returns what it says, or why it is refused: answer 401 then
 * @throws TypeError when there is no secret or one that is none: a mistake of the receiver's own, not of the sender
 */
export const verify = (input: VerifyInput): Verified => {
  const signers = signersOf(input.secret)
  const headers = readHeaders(input.headers)
  const missing = [...SIGNED_HEADERS, ...FACT_HEADERS].filter((name) => !headers.get(name))
  if (missing.length > 0) return refused('missing_header', `no ${missing.join(', ')}`)
  const header = (name: (typeof SIGNED_HEADERS | typeof FACT_HEADERS)[number]) =>
    headers.get(name) ?? ''

  const seconds = wholeNumber(header('webhook-timestamp'))
  if (seconds === undefined) return refused('invalid_header', 'webhook-timestamp is no time')
  const timestamp = new Date(seconds * 1_000)
  const late = outsideTolerance(timestamp, input)
  if (late !== undefined) return late

  const text = textOf(input.body)
  if (text === undefined) return refused('invalid_body', 'the body is not UTF-8')
  const given = header('webhook-signature').split(' ')
  const expected = signers.map((signer) => signer.sign(header('webhook-id'), timestamp, text))
  if (!expected.some((one) => given.some((other) => isEqual(one, other)))) {
    return refused('no_matching_signature', 'no signature fits: another secret, or another body')
  }

  const payload = parsed(text)
  if (payload === undefined) return refused('invalid_body', 'the body is not JSON')
  const attempt = wholeNumber(header('webhook-attempt'))
  if (attempt === undefined) return refused('invalid_header', 'webhook-attempt is no number')
  return {
    ok: true,
    messageId: header('webhook-id'),
    eventName: header('webhook-event'),
    deliveryId: header('webhook-delivery-id'),
    attempt,
    timestamp,
    payload: payload.value,
  }
}

const refused = (reason: RefusalReason, detail: string): Verified => ({ ok: false, reason, detail })

const signersOf = (secret: VerifyInput['secret']): Webhook[] => {
  const secrets = typeof secret === 'string' ? [secret] : secret
  if (secrets.length === 0) throw new TypeError('verify needs a secret')
  return secrets.map((each) => {
    // Not the value: it may end in a log.
    if (!/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/.test(each)) {
      throw new TypeError('a secret is whsec_ followed by base64, as the registration answered it')
    }
    return new Webhook(each)
  })
}

/** In lower case. A header that came twice is not one value: it counts as missing. */
const readHeaders = (bag: HeaderBag): Map<string, string> => {
  const entries: [string, unknown][] =
    bag instanceof Headers ? [...bag.entries()] : Object.entries(bag)
  const read = new Map<string, string>()
  for (const [name, value] of entries) {
    const single = Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value
    if (typeof single === 'string') read.set(name.toLowerCase(), single)
  }
  return read
}

const wholeNumber = (text: string): number | undefined =>
  /^\d{1,12}$/.test(text) ? Number(text) : undefined

const outsideTolerance = (
  timestamp: Date,
  { nowMs = Date.now(), toleranceMs = DEFAULT_TOLERANCE_MS }: VerifyInput,
): Verified | undefined => {
  const ageMs = nowMs - timestamp.getTime()
  if (ageMs > toleranceMs) return refused('too_old', `signed ${Math.round(ageMs / 1_000)} s ago`)
  if (-ageMs > toleranceMs) {
    return refused('too_new', `signed ${Math.round(-ageMs / 1_000)} s ahead of this clock`)
  }
  return undefined
}

/** Undefined for bytes that are not UTF-8: decoded leniently, other bytes would have the same signature. */
const textOf = (body: Uint8Array | string): string | undefined => {
  if (typeof body === 'string') return body
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    return undefined
  }
}

const isEqual = (one: string, other: string): boolean => {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.byteLength === right.byteLength && timingSafeEqual(left, right)
}

const parsed = (text: string): { value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}
