// What one record of a source asks for. The forms that a text may have, in order: the payload itself, where an attribute
// names the event; what SNS or EventBridge wraps around theirs; the envelope. Anything else is unknown: never dropped.

import type { TriggerInput } from '../broker/trigger-event.ts'
import { acceptTraceparent } from '../domain/trace-context.ts'
import { rawMembers } from './raw-members.ts'

/** A trigger, but for the tenant: who may fire for whom is no claim of a message. */
export type SourceEvent = Omit<TriggerInput, 'tenant' | 'idempotencyKey'> & {
  /** The source and its own id of the record. */
  idempotencyKey: string
}

export type Parsed = { kind: 'event'; event: SourceEvent } | { kind: 'unknown'; reason: string }

/** The attributes of a record; null for one that is there but holds no text. */
export type Attributes = ReadonlyMap<string, string | null>

const NO_ATTRIBUTES: Attributes = new Map()

const unknown = (reason: string): Parsed => ({ kind: 'unknown', reason })

/** A text that came with attributes, under the id that its source gave it. */
export type SourceText = { text: string; attributes: Attributes; idempotencyKey: string }

/** The text of an SQS record: it may also hold what SNS or EventBridge has put there. */
export const parseQueued = (source: SourceText): Parsed => {
  if (source.attributes.has('eventName')) return parseNamed(source)
  const document = parseDocument(source.text)
  if (document === undefined) return unknown(NO_FORM)
  const { value } = document
  // Without raw delivery. What is not a notification asks somebody to confirm a subscription.
  if (typeof value['TopicArn'] === 'string' && typeof value['Type'] === 'string') {
    const attributes = readAttributes(value['MessageAttributes'], 'Type', 'Value')
    return value['Type'] === 'Notification'
      ? parseNotification(value['MessageId'], value['Message'], attributes)
      : unknown('an SNS message that is no notification')
  }
  return parseDocumented(document, source)
}

/** What SNS brings, to a function or in a queue. */
export const parseNotification = (
  messageId: unknown,
  text: unknown,
  attributes: Attributes,
): Parsed => {
  if (typeof messageId !== 'string' || typeof text !== 'string') {
    return unknown('an SNS message without id or text')
  }
  const source = { text, attributes, idempotencyKey: `sns:${messageId}` }
  if (attributes.has('eventName')) return parseNamed(source)
  const document = parseDocument(text)
  return document === undefined ? unknown(NO_FORM) : parseDocumented(document, source)
}

const NO_FORM = 'no attribute eventName, and the text is no JSON object'

const parseNamed = ({ text, attributes, idempotencyKey }: SourceText): Parsed => {
  const eventName = attributes.get('eventName')
  return eventName === null || eventName === undefined
    ? unknown('the attribute eventName is no String')
    : event({ eventName, payload: text, attributes, idempotencyKey })
}

const parseDocumented = (
  document: Document,
  { attributes, idempotencyKey }: SourceText,
): Parsed => {
  const { value, members } = document
  const bridged = parseBridged(value, members.get('detail'))
  if (bridged !== undefined) return bridged
  const payload = members.get('payload')
  if (members.size === 2 && typeof value['eventName'] === 'string' && payload !== undefined) {
    return event({ eventName: value['eventName'], payload, attributes, idempotencyKey })
  }
  return unknown('no attribute eventName, and the text is no envelope {"eventName", "payload"}')
}

/**
 * An event of EventBridge.
 *
 * @param detail its JSON; absent: it is written anew, since whoever parsed the event has kept no text of it
 * @returns undefined when it is something else
 */
export const parseBridged = (
  value: Record<string, unknown>,
  detail = JSON.stringify(value['detail']) as string | undefined,
): Parsed | undefined => {
  const { id, source, 'detail-type': eventName, 'replay-name': replay } = value
  if (typeof id !== 'string' || typeof source !== 'string') return undefined
  if (typeof eventName !== 'string' || detail === undefined) return undefined
  // A replay from an archive keeps the id, and is meant to be delivered again.
  const idempotencyKey = `eventbridge:${id}${typeof replay === 'string' ? `:${replay}` : ''}`
  return event({ eventName, payload: detail, attributes: NO_ATTRIBUTES, idempotencyKey })
}

// Half of a pair has no UTF-8: encoding would replace it without a word.
const LONE_SURROGATE = /\p{Surrogate}/u

const event = (made: {
  eventName: string
  payload: string
  attributes: Attributes
  idempotencyKey: string
}): Parsed => {
  const contentType = made.attributes.get('contentType')
  if (contentType === null) return unknown('the attribute contentType is no String')
  if (LONE_SURROGATE.test(made.payload)) return unknown('the payload holds half a surrogate pair')
  return {
    kind: 'event',
    event: {
      eventName: made.eventName,
      contentType,
      body: new TextEncoder().encode(made.payload),
      idempotencyKey: made.idempotencyKey,
      traceparent: acceptTraceparent(made.attributes.get('traceparent')),
    },
  }
}

type Document = { value: Record<string, unknown>; members: ReadonlyMap<string, string> }

const parseDocument = (text: string): Document | undefined => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  return isObject(value) ? { value, members: rawMembers(text) } : undefined
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** @param typeField and @param textField what SQS and SNS call the two parts of an attribute */
export const readAttributes = (
  attributes: unknown,
  typeField: string,
  textField: string,
): Attributes => {
  const read = new Map<string, string | null>()
  for (const [name, value] of Object.entries(isObject(attributes) ? attributes : {})) {
    const [type, text] = isObject(value) ? [value[typeField], value[textField]] : []
    // A type may carry a label of the sender's own: String.name.
    const isText = typeof type === 'string' && /^String(?:\.|$)/.test(type)
    read.set(name, isText && typeof text === 'string' ? text : null)
  }
  return read
}
