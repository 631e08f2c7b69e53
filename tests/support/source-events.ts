// The events with which SQS, SNS and EventBridge invoke a function, with every field that Lambda sends.

import { randomUUID } from 'node:crypto'
import type {
  EventBridgeEvent,
  SNSEvent,
  SNSMessage,
  SQSEvent,
  SQSMessageAttributes,
  SQSRecord,
} from 'aws-lambda'

const QUEUE = 'arn:aws:sqs:eu-central-1:123456789012:events'
const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:events'

export type RecordOf = {
  id?: string
  body: string
  /** Attributes of the type String. */
  attributes?: Record<string, string>
}

const queueAttributes = (attributes: Record<string, string> = {}): SQSMessageAttributes =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, stringValue]) => [
      name,
      { stringValue, stringListValues: [], binaryListValues: [], dataType: 'String' },
    ]),
  )

/** One record of a standard queue. */
export const sqsRecord = ({ id = randomUUID(), body, attributes }: RecordOf): SQSRecord => ({
  messageId: id,
  receiptHandle: 'AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a',
  body,
  attributes: {
    ApproximateReceiveCount: '1',
    SentTimestamp: '1545082649183',
    SenderId: 'AIDAIENQZJOLO23YVJ4VO',
    ApproximateFirstReceiveTimestamp: '1545082649185',
    AWSTraceHeader: 'Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1',
  },
  messageAttributes: queueAttributes(attributes),
  md5OfBody: 'e4e68fb7bd0e697a0ae8f1bb342846b3',
  eventSource: 'aws:sqs',
  eventSourceARN: QUEUE,
  awsRegion: 'eu-central-1',
})

/** One record of a FIFO queue. */
export const fifoRecord = (group: string, record: RecordOf): SQSRecord => {
  const standard = sqsRecord(record)
  return {
    ...standard,
    eventSourceARN: `${QUEUE}.fifo`,
    attributes: {
      ...standard.attributes,
      MessageGroupId: group,
      SequenceNumber: '18849496460467696128',
      MessageDeduplicationId: standard.messageId,
    },
  }
}

export const sqsEvent = (...records: SQSRecord[]): SQSEvent => ({ Records: records })

const topicAttributes = (attributes: Record<string, string> = {}) =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, Value]) => [name, { Type: 'String', Value }]),
  )

const snsMessage = ({ id = randomUUID(), body, attributes }: RecordOf): SNSMessage => ({
  Type: 'Notification',
  MessageId: id,
  TopicArn: TOPIC,
  Subject: 'an upload',
  Message: body,
  Timestamp: '2019-01-02T12:45:07.000Z',
  SignatureVersion: '1',
  Signature: 'tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi+tE/1+82j...65r==',
  SigningCertUrl: 'https://sns.eu-central-1.amazonaws.com/SimpleNotification.pem',
  UnsubscribeUrl: 'https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe',
  MessageAttributes: topicAttributes(attributes),
})

/** SNS invokes the function. */
export const snsEvent = (...messages: RecordOf[]): SNSEvent => ({
  Records: messages.map((message) => ({
    EventVersion: '1.0',
    EventSubscriptionArn: `${TOPIC}:21be56ed-a058-49f5-8c98-aedd2564c486`,
    EventSource: 'aws:sns',
    Sns: snsMessage(message),
  })),
})

/** The text that SNS puts into a queue without raw delivery; the URLs have other names there. */
export const snsText = (message: RecordOf): string => {
  const { SigningCertUrl, UnsubscribeUrl, MessageAttributes, ...rest } = snsMessage(message)
  return JSON.stringify({
    ...rest,
    SigningCertURL: SigningCertUrl,
    UnsubscribeURL: UnsubscribeUrl,
    // Left out where there are none.
    ...(message.attributes === undefined ? {} : { MessageAttributes }),
  })
}

export const eventBridgeEvent = (
  detailType: string,
  detail: unknown,
  more: { id?: string; 'replay-name'?: string } = {},
): EventBridgeEvent<string, unknown> => ({
  version: '0',
  id: randomUUID(),
  'detail-type': detailType,
  source: 'com.example.uploads',
  account: '123456789012',
  time: '2019-01-02T12:45:07Z',
  region: 'eu-central-1',
  resources: [],
  detail,
  ...more,
})
