// A message: one accepted trigger with its payload bytes. The bytes are validated once and never serialised again
// (hard cases O-BODY-1, O-BODY-2: numbers beyond 2^53 and the signature both depend on it).

import { BrokerError } from './errors.ts'

export type Message = {
  id: string
  tenant: string
  eventName: string
  contentType: string
  payload: Uint8Array
  createdAt: Date
  /** How many deliveries were made when it was accepted. */
  matched: number
}

export const DEFAULT_CONTENT_TYPE = 'application/json'

/** What a trigger without a body stands for. */
export const EMPTY_PAYLOAD: Uint8Array = new TextEncoder().encode('{}')

const JSON_CONTENT_TYPE = /^application\/(?:[a-z0-9!#$&^_.+-]+\+)?json(?:\s*;.*)?$/i
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const BOM = '\uFEFF'

/**
 * Judges the content type of a trigger.
 *
 * @returns the content type under which the payload is sent on
 * @throws BrokerError `unsupported_media_type`
 */
export const acceptContentType = (contentType: string | undefined): string => {
  if (contentType === undefined || contentType.trim() === '') return DEFAULT_CONTENT_TYPE
  const text = contentType.trim()
  // It becomes a request header of ours, so it must be one: visible ASCII, blank or tab (RFC 9110 §5.5).
  if (!JSON_CONTENT_TYPE.test(text) || !/^[\t\x20-\x7e]{1,255}$/.test(text)) {
    throw new BrokerError(
      'unsupported_media_type',
      'the content type must be application/json, application/*+json or absent',
    )
  }
  return text
}

/**
 * Checks that bytes are one JSON value in UTF-8 without a byte order mark (RFC 8259 §8.1). An empty body is `{}`.
 *
 * @returns the very bytes that are stored, signed and sent
 * @throws BrokerError `invalid_encoding` or `invalid_json`
 */
export const acceptPayload = (body: Uint8Array): Uint8Array => {
  if (body.byteLength === 0) return EMPTY_PAYLOAD
  let text: string
  try {
    text = strictUtf8.decode(body)
  } catch (cause) {
    throw new BrokerError('invalid_encoding', 'the payload is not valid UTF-8', { cause })
  }
  if (text.startsWith(BOM)) {
    throw new BrokerError(
      'invalid_encoding',
      'the payload begins with a byte order mark; JSON has none',
    )
  }
  try {
    JSON.parse(text)
  } catch (cause) {
    throw new BrokerError('invalid_json', 'the payload is not JSON', { cause })
  }
  return body
}

const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/

/** @throws BrokerError `invalid_idempotency_key` unless it is 1 to 255 printable ASCII characters */
export const acceptIdempotencyKey = (key: string): string => {
  if (IDEMPOTENCY_KEY.test(key) && key.trim() !== '') return key
  throw new BrokerError(
    'invalid_idempotency_key',
    'an Idempotency-Key has 1 to 255 printable ASCII characters',
  )
}
