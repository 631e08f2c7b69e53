// Every shape in which an event may come, and those that are none: what is read of them.

import { describe, expect, it } from 'vitest'
import { parseInvocation } from '../../../lib/events/invocation.ts'
import {
  eventBridgeEvent,
  fifoRecord,
  snsEvent,
  snsText,
  sqsEvent,
  sqsRecord,
} from '../../support/source-events.ts'

const PAYLOAD = '{ "n": 12345678901234567890, "t": "é🙂" }'
const ENVELOPE = `{ "eventName": "upload_image", "payload": ${PAYLOAD} }`
const NAMED = { eventName: 'upload_image' }
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

/** What was read of the only record: key, event name, content type, trace context and payload, or why nothing was. */
const read = (event: unknown): unknown => {
  const [record] = parseInvocation(event).records
  if (record?.parsed.kind !== 'event') return record?.parsed.reason
  const { idempotencyKey, eventName, contentType, traceparent, body } = record.parsed.event
  return [idempotencyKey, eventName, contentType, traceparent, new TextDecoder().decode(body)]
}

const inQueue = (body: string, attributes?: Record<string, string>) =>
  read(sqsEvent(sqsRecord({ id: 'm1', body, ...(attributes === undefined ? {} : { attributes }) })))

const inTopic = (body: string, attributes?: Record<string, string>) =>
  read(snsEvent({ id: 's1', body, ...(attributes === undefined ? {} : { attributes }) }))

const plain = (key: string, payload = PAYLOAD) => [key, 'upload_image', undefined, null, payload]

describe('an event is read from', () => {
  it.each([
    ['SQS, named by an attribute', inQueue(PAYLOAD, NAMED), plain('sqs:m1')],
    ['SQS, as an envelope', inQueue(ENVELOPE), plain('sqs:m1')],
    ['SNS, named by an attribute', inTopic(PAYLOAD, NAMED), plain('sns:s1')],
    ['SNS, as an envelope', inTopic(ENVELOPE), plain('sns:s1')],
    [
      'SNS in SQS, named by an attribute',
      inQueue(snsText({ id: 's1', body: PAYLOAD, attributes: NAMED })),
      plain('sns:s1'),
    ],
    ['SNS in SQS, as an envelope', inQueue(snsText({ id: 's1', body: ENVELOPE })), plain('sns:s1')],
    // The attributes become those of the queue; the id of SNS is gone.
    ['SNS in SQS with raw delivery', inQueue(PAYLOAD, NAMED), plain('sqs:m1')],
    [
      'EventBridge',
      read(eventBridgeEvent('upload_image', { a: [1, 'é'] }, { id: 'e1' })),
      plain('eventbridge:e1', '{"a":[1,"é"]}'),
    ],
    [
      'EventBridge in SQS, its detail as it was written',
      inQueue('{"id":"e1","source":"s","detail-type":"upload_image","detail":{ "n": 1.0 }}'),
      plain('eventbridge:e1', '{ "n": 1.0 }'),
    ],
    [
      'EventBridge in SNS in SQS',
      inQueue(
        snsText({
          id: 's1',
          body: '{"id":"e1","source":"s","detail-type":"upload_image","detail":7}',
        }),
      ),
      plain('eventbridge:e1', '7'),
    ],
  ])('%s', (_name, got, expected) => {
    expect(got).toEqual(expected)
  })

  it('attributes: content type and trace context', () => {
    const attributes = { ...NAMED, contentType: 'application/cloudevents+json', traceparent: TRACE }
    const expected = (key: string) => [
      key,
      'upload_image',
      'application/cloudevents+json',
      TRACE,
      '{}',
    ]
    expect(inQueue('{}', attributes)).toEqual(expected('sqs:m1'))
    expect(inTopic('{}', attributes)).toEqual(expected('sns:s1'))
  })

  it('an envelope that came with attributes but not with that one', () => {
    expect(inQueue(ENVELOPE, { traceparent: TRACE, contentType: 'application/json' })).toEqual([
      'sqs:m1',
      'upload_image',
      'application/json',
      TRACE,
      PAYLOAD,
    ])
  })

  it('a broken trace context as if there were none', () => {
    expect(inQueue(PAYLOAD, { ...NAMED, traceparent: 'Root=1-5759e988' })).toEqual(plain('sqs:m1'))
  })

  it('a labelled String attribute', () => {
    const record = sqsRecord({ id: 'm1', body: PAYLOAD })
    const eventName = { dataType: 'String.name', stringValue: 'upload_image' }
    const event = sqsEvent({ ...record, messageAttributes: { eventName } })
    expect(read(event)).toEqual(plain('sqs:m1'))
  })

  it('a named payload that looks like something else, as the payload that it is', () => {
    for (const body of [ENVELOPE, snsText({ id: 's1', body: '{}' })]) {
      expect(inQueue(body, NAMED)).toEqual(plain('sqs:m1', body))
    }
  })

  it('a replay of an archive as a new one: it keeps the id of the first', () => {
    const replayed = eventBridgeEvent('upload_image', {}, { id: 'e1', 'replay-name': 'again' })
    expect(read(replayed)).toEqual(plain('eventbridge:e1:again', '{}'))
  })
})

const NEITHER = 'no attribute eventName, and the text is no envelope {"eventName", "payload"}'
const NO_OBJECT = 'no attribute eventName, and the text is no JSON object'

describe('unknown is', () => {
  it.each([
    ['a text that is no JSON', inQueue('hello'), NO_OBJECT],
    ['a JSON value that is no object', inQueue('[1]'), NO_OBJECT],
    ['an object of another form', inQueue('{"a":1}'), NEITHER],
    ['an envelope without a payload', inQueue('{"eventName":"e"}'), NEITHER],
    ['an envelope with more', inQueue('{"eventName":"e","payload":1,"tenant":"x"}'), NEITHER],
    ['an envelope whose name is no text', inQueue('{"eventName":5,"payload":1}'), NEITHER],
    [
      'an event of EventBridge without detail',
      inQueue('{"id":"e","source":"s","detail-type":"t"}'),
      NEITHER,
    ],
    ['a text of SNS of another form', inTopic('{"a":1}'), NEITHER],
    ['a text of SNS that is no JSON', inTopic('hello'), NO_OBJECT],
    [
      'a confirmation of a subscription',
      inQueue('{"Type":"SubscriptionConfirmation","TopicArn":"t","MessageId":"m","Message":"m"}'),
      'an SNS message that is no notification',
    ],
    [
      'a notification inside a notification',
      inQueue(snsText({ body: snsText({ body: ENVELOPE }) })),
      NEITHER,
    ],
    [
      'a notification without its id',
      inQueue('{"Type":"Notification","TopicArn":"t","Message":"{}"}'),
      'an SNS message without id or text',
    ],
    [
      'half a surrogate pair, which has no UTF-8',
      inQueue('{"a":"\ud83d"}', NAMED),
      'the payload holds half a surrogate pair',
    ],
  ])('%s', (_name, got, reason) => {
    expect(got).toBe(reason)
  })

  it('an attribute of another type, also beside an envelope', () => {
    const record = sqsRecord({ body: ENVELOPE })
    const binary = { dataType: 'Binary', binaryValue: 'ZQ==' }
    const number = { dataType: 'Number', stringValue: '5' }
    for (const eventName of [binary, number]) {
      expect(read(sqsEvent({ ...record, messageAttributes: { eventName } }))).toBe(
        'the attribute eventName is no String',
      )
    }
    expect(read(sqsEvent({ ...record, messageAttributes: { contentType: binary } }))).toBe(
      'the attribute contentType is no String',
    )
  })

  it('a record of SQS without a body, alone', () => {
    const bodiless = { ...sqsRecord({ id: 'm1', body: '' }), body: undefined }
    const { records } = parseInvocation({
      Records: [bodiless, sqsRecord({ id: 'm2', body: PAYLOAD, attributes: NAMED })],
    })
    expect(records.map(({ id, parsed }) => [id, parsed.kind])).toEqual([
      ['m1', 'unknown'],
      ['m2', 'event'],
    ])
  })

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'Records'],
    ['a list', [sqsRecord({ body: ENVELOPE })]],
    ['an empty object', {}],
    ['no records', { Records: [] }],
    ['records that are no list', { Records: 'x' }],
    ['a record that is none', { Records: [sqsRecord({ body: ENVELOPE }), null] }],
    ['records of S3', { Records: [{ eventSource: 'aws:s3', messageId: 'm' }] }],
    [
      'records of two sources',
      { Records: [sqsRecord({ body: '{}' }), ...snsEvent({ body: '{}' }).Records] },
    ],
    [
      'a record of SQS without an id',
      { Records: [{ ...sqsRecord({ body: ENVELOPE }), messageId: '' }] },
    ],
    ['an envelope alone, which has no id', { eventName: 'upload_image', payload: {} }],
    ['an event of API Gateway', { version: '2.0', rawPath: '/', requestContext: {} }],
  ])('an invocation with %s, as a whole', (_name, event) => {
    expect(() => parseInvocation(event)).toThrow('this is no event of SQS, SNS or EventBridge')
  })
})

describe('the group of a record', () => {
  it('is that of a FIFO queue, and none of a standard queue that names one for fairness', () => {
    const fair = sqsRecord({ body: '{}' })
    fair.attributes.MessageGroupId = 'g'
    const groups = [fifoRecord('g', { body: '{}' }), fair].map(
      (record) => parseInvocation(sqsEvent(record)).records[0]?.group,
    )
    expect(groups).toEqual(['g', null])
  })
})
