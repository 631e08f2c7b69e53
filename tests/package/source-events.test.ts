// The packaged functions that no gateway invokes: triggers from SQS, SNS and EventBridge, and the two schedules. From
// the record to the receiver, and again after a thaw that finds every connection gone.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DrainSummary } from '../../lib/broker/drain.ts'
import type { SweepSummary } from '../../lib/broker/sweep-summary.ts'
import { makeFunctionKit, type FunctionKit } from '../support/function-kit.ts'
import { PACKAGING_TIMEOUT_MS } from '../support/function-package.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import {
  eventBridgeEvent,
  snsEvent,
  snsText,
  sqsEvent,
  sqsRecord,
} from '../support/source-events.ts'

let kit: FunctionKit
let receiver: Receiver
beforeAll(async () => {
  // What Redis did not take right after the thaw, the next sweep gives it, without the grace of 30 s.
  kit = await makeFunctionKit({ env: { BROKER_SWEEP_GRACE_MS: '1' } })
  receiver = await startReceiver()
  const webhook = { eventName: 'upload_image', webhookUrl: `${receiver.url}/hook` }
  expect((await kit.call('register', 'POST webhooks', webhook)).statusCode).toBe(201)
}, PACKAGING_TIMEOUT_MS)
afterAll(async () => {
  await kit.stop()
  await receiver.close()
})

const attributes = { eventName: 'upload_image' }

/** What the schedule of EventBridge sends to the drain and to the sweep. */
const tick = {
  version: '0',
  id: '53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa',
  'detail-type': 'Scheduled Event',
  source: 'aws.events',
  account: '123456789012',
  time: '2026-11-25T08:25:00Z',
  region: 'eu-central-1',
  resources: ['arn:aws:events:eu-central-1:123456789012:rule/webhook-broker-dev-Drain'],
  detail: {},
}
const sweep = () => kit.invoke<SweepSummary>('sweep', tick)
const drain = () => kit.invoke<DrainSummary>('drain', tick)
const bodies = () => receiver.received.map(({ body }) => body.toString()).sort()

describe('the packages of events, drain and sweep', () => {
  it('bring a record of each source to the receiver, and report the one that is bad', async () => {
    // As after a deployment: the first sweep tells Redis from an emptied one, and builds the routing table.
    expect(await sweep()).toMatchObject({ redis: 'ok', complete: true })

    const answer = await kit.invoke(
      'events',
      sqsEvent(
        sqsRecord({ id: 'good-1', body: '{"from":"sqs"}', attributes }),
        sqsRecord({ id: 'bad', body: 'not json', attributes }),
        sqsRecord({ id: 'good-2', body: snsText({ body: '{"from":"sns in sqs"}', attributes }) }),
      ),
    )
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'bad' }] })
    await kit.invoke('events', snsEvent({ body: '{"from":"sns"}', attributes }))
    await kit.invoke('events', eventBridgeEvent('upload_image', { from: 'eventbridge' }))

    expect(await drain()).toMatchObject({ source: 'queue', taken: 4, end: 'empty' })
    // All of it is over when the handler has returned: nothing is left to arrive.
    expect(bodies()).toEqual([
      '{"from":"eventbridge"}',
      '{"from":"sns in sqs"}',
      '{"from":"sns"}',
      '{"from":"sqs"}',
    ])
    const statuses = await kit.schema.sql('select distinct status from deliveries')
    expect(statuses).toEqual([{ status: 'delivered' }])
  })

  it('fail for an event of no known source, so that it is kept and not dropped', async () => {
    await expect(kit.invoke('events', { Records: [{ eventSource: 'aws:s3' }] })).rejects.toThrow()
  })

  it('work again after a thaw that finds every connection gone', async () => {
    const before = receiver.received.length
    await kit.cutAll()
    const record = sqsRecord({ id: 'thawed', body: '{"n":1}', attributes })
    expect(await kit.invoke('events', sqsEvent(record))).toEqual({ batchItemFailures: [] })
    expect(await sweep()).toMatchObject({ redis: 'ok', complete: true })
    expect(await drain()).toMatchObject({ taken: 1 })
    expect(receiver.received).toHaveLength(before + 1)
    expect(receiver.received.at(-1)?.body.toString()).toBe('{"n":1}')
  })
})
