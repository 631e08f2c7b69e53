// A webhook: one registration of (tenant, event name, URL), and what a URL and custom headers may look like.

import { allowedLiteral, type AddressPolicy } from './address-guard.ts'
import { fieldError } from './errors.ts'

export type WebhookStatus = 'enabled' | 'disabled'

/** Why the broker or a person disabled it. */
export type DisabledReason = 'manual' | 'gone' | 'failing'

export type RateLimit = { limit: number; perSeconds: number }

export type Webhook = {
  id: string
  tenant: string
  eventName: string
  webhookUrl: string
  status: WebhookStatus
  disabledReason: DisabledReason | null
  description: string | null
  headers: Record<string, string>
  /** null: the broker's own BROKER_DELIVERY_TIMEOUT_MS */
  timeoutMs: number | null
  rateLimit: RateLimit | null
  maxInFlight: number | null
  createdAt: Date
  updatedAt: Date
}

/** What a PATCH may change; an absent field stays as it is. */
export type WebhookChange = {
  status?: WebhookStatus | undefined
  description?: string | null | undefined
  headers?: Record<string, string> | undefined
  timeoutMs?: number | null | undefined
  rateLimit?: RateLimit | null | undefined
  maxInFlight?: number | null | undefined
}

export const MAX_URL_LENGTH = 2048
export const MAX_TIMEOUT_MS = 60_000
export const MAX_CUSTOM_HEADERS = 50

export type UrlPolicy = AddressPolicy & { httpsOnly: boolean }

// WHATWG Fetch §2.9 "bad port": a browser never speaks HTTP to these, and neither do we.
const BAD_PORTS = new Set(
  (
    '1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123 ' +
    '135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 ' +
    '995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080'
  ).split(' '),
)

const urlError = (message: string) => fieldError('invalid_url', 'webhookUrl', message)

/**
 * Judges a URL as written and returns the one spelling under which it is stored, compared and called
 * (WHATWG URL, fragment dropped, since a fragment is never sent; O-DUP-1).
 *
 * A host *name* is not resolved here: it may not exist yet, and is judged at every attempt.
 *
 * @throws BrokerError `invalid_url` or `forbidden_address`, both naming the field `webhookUrl`
 */
export const normaliseWebhookUrl = (text: string, policy: UrlPolicy): string => {
  if (text.length > MAX_URL_LENGTH)
    throw urlError(`the URL is longer than ${MAX_URL_LENGTH} characters`)
  if (/[\u0000-\u0020\u007f-\u009f\\]/.test(text)) {
    // The URL parser would drop tabs and newlines and turn backslashes into slashes without a word.
    throw urlError('the URL holds a blank, a control character or a backslash')
  }
  if (!/^https?:\/\//i.test(text)) throw urlError('the URL must begin with http:// or https://')
  if (!URL.canParse(text)) throw urlError('this is not a URL')
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') {
    throw urlError('the URL holds a user name or password; use a custom header instead')
  }
  if (policy.httpsOnly && url.protocol !== 'https:')
    throw urlError('the URL must begin with https://')
  if (url.port === '0' || BAD_PORTS.has(url.port))
    throw urlError(`port ${url.port} is not allowed for HTTP`)
  if (!allowedLiteral(url.hostname, policy)) {
    throw fieldError(
      'forbidden_address',
      'webhookUrl',
      'the host is an address that the broker must not call (not globally routable and not in BROKER_ALLOWED_CIDRS)',
    )
  }
  url.hash = ''
  if (url.href.length > MAX_URL_LENGTH) {
    throw urlError(`the URL in its encoded form is longer than ${MAX_URL_LENGTH} characters`)
  }
  return url.href
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/
const HEADER_VALUE = /^[\x20-\x7e\t]{0,1024}$/
const RESERVED = new Set([
  'host',
  'transfer-encoding',
  'connection',
  'user-agent',
  'keep-alive',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'traceparent',
  'tracestate',
])
const RESERVED_PREFIXES = ['webhook-', 'content-', 'proxy-']

/** Whether a header name is the broker's or the connection's own, compared without case (O-SEC-2). */
export const isReservedHeader = (name: string): boolean => {
  const lower = name.toLowerCase()
  return RESERVED.has(lower) || RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix))
}

/**
 * Judges custom headers and returns them with names in lower case.
 *
 * @throws BrokerError `invalid_request` naming `headers.<name>`
 */
export const acceptCustomHeaders = (headers: Record<string, string>): Record<string, string> => {
  const entries = Object.entries(headers)
  if (entries.length > MAX_CUSTOM_HEADERS) {
    throw fieldError('invalid_request', 'headers', `at most ${MAX_CUSTOM_HEADERS} custom headers`)
  }
  const accepted = new Map<string, string>()
  for (const [name, value] of entries) {
    const fault = headerFault(name, value, accepted)
    if (fault !== undefined) throw fieldError('invalid_request', `headers.${name}`, fault)
    accepted.set(name.toLowerCase(), value)
  }
  return Object.fromEntries(accepted)
}

const headerFault = (name: string, value: string, seen: ReadonlyMap<string, string>) => {
  if (!TOKEN.test(name))
    return 'this is not a header name (RFC 9110 §5.1), or it is longer than 64 characters'
  if (isReservedHeader(name)) return 'this header is set by the broker and cannot be changed'
  if (seen.has(name.toLowerCase())) return 'this header is named twice'
  if (!HEADER_VALUE.test(value)) {
    return 'a header value has at most 1024 characters of visible ASCII, blanks and tabs, and no line break'
  }
  return undefined
}
