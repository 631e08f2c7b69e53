// Which source invoked the function, and its records. A batch of SQS is answered record by record; SNS and EventBridge
// only know success and failure of the whole invocation.

import { BrokerError } from '../domain/errors.ts'
import {
  isObject,
  parseBridged,
  parseNotification,
  parseQueued,
  readAttributes,
  type Parsed,
} from './source-event.ts'

export type SourceRecord = {
  /** The source's own id of it, for the log and for reporting a failure. */
  id: string
  /** The message group of a FIFO queue, in which order is kept; null elsewhere. */
  group: string | null
  parsed: Parsed
}

export type Invocation = {
  source: 'sqs' | 'sns' | 'eventbridge'
  records: SourceRecord[]
}

/** @throws BrokerError `invalid_request` for any other event: the platform then repeats it and keeps it in its DLQ */
export const parseInvocation = (event: unknown): Invocation => {
  if (isObject(event)) {
    const records = Array.isArray(event['Records']) ? event['Records'].filter(isObject) : undefined
    if (records === undefined) {
      const parsed = parseBridged(event)
      if (parsed !== undefined) {
        return {
          source: 'eventbridge',
          records: [{ id: String(event['id']), group: null, parsed }],
        }
      }
    } else if (records.length > 0 && records.length === (event['Records'] as unknown[]).length) {
      if (records.every(isQueued)) return { source: 'sqs', records: records.map(fromQueue) }
      if (records.every(isNotified)) return { source: 'sns', records: records.map(fromTopic) }
    }
  }
  throw new BrokerError('invalid_request', 'this is no event of SQS, SNS or EventBridge')
}

type Queued = Record<string, unknown> & { messageId: string }

/** Without an id a failure could not be reported: an empty one means to Lambda that all of the batch failed. */
const isQueued = (record: Record<string, unknown>): record is Queued =>
  record['eventSource'] === 'aws:sqs' &&
  typeof record['messageId'] === 'string' &&
  record['messageId'] !== ''

const fromQueue = (record: Queued): SourceRecord => {
  const { messageId, body } = record
  const attributes = readAttributes(record['messageAttributes'], 'dataType', 'stringValue')
  return {
    id: messageId,
    group: groupOf(record),
    parsed:
      typeof body === 'string'
        ? parseQueued({ text: body, attributes, idempotencyKey: `sqs:${messageId}` })
        : { kind: 'unknown', reason: 'an SQS record without a body' },
  }
}

/** Standard queues may have groups, too, for fairness: they keep no order. */
const groupOf = ({ eventSourceARN: arn, attributes }: Queued): string | null => {
  if (typeof arn !== 'string' || !arn.endsWith('.fifo')) return null
  const group = isObject(attributes) ? attributes['MessageGroupId'] : undefined
  return typeof group === 'string' ? group : ''
}

const isNotified = (record: Record<string, unknown>): boolean =>
  record['EventSource'] === 'aws:sns' && isObject(record['Sns'])

const fromTopic = ({ Sns }: Record<string, unknown>): SourceRecord => {
  const sns = isObject(Sns) ? Sns : {}
  const attributes = readAttributes(sns['MessageAttributes'], 'Type', 'Value')
  const { MessageId: id } = sns
  return {
    id: typeof id === 'string' ? id : '',
    group: null,
    parsed: parseNotification(id, sns['Message'], attributes),
  }
}
