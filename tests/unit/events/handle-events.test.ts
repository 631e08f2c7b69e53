// What becomes of the records: which fail, what waits behind them, what is told to whom, and when the drain is woken.

import { EventEmitter, once } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { TriggerInput } from '../../../lib/broker/trigger-event.ts'
import { BrokerError } from '../../../lib/domain/errors.ts'
import { makeHandleEvents } from '../../../lib/events/handle-events.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'
import {
  eventBridgeEvent,
  fifoRecord,
  snsEvent,
  sqsEvent,
  sqsRecord,
} from '../../support/source-events.ts'

/** @param answer for one trigger: how many deliveries there are, or what is thrown */
const setUp = (answer: (input: TriggerInput) => number | Promise<number> = () => 1) => {
  const log = makeRecordingLog()
  const triggered: TriggerInput[] = []
  const steps: string[] = []
  const handle = makeHandleEvents({
    trigger: async (input) => {
      triggered.push(input)
      const deliveries = await answer(input)
      steps.push(`accepted ${input.idempotencyKey ?? ''}`)
      return { messageId: 'msg_1', eventName: input.eventName, deliveries }
    },
    kick: () => {
      steps.push('kick')
      return Promise.resolve()
    },
    tenant: 'acme',
    maxPayloadBytes: 20,
    log,
  })
  return { handle, log, triggered, steps }
}

const named = (id: string, body = '{}') => ({ id, body, attributes: { eventName: 'e' } })
const refuse =
  (key: string, code: 'log_unavailable' | 'idempotency_key_reused') =>
  ({ idempotencyKey }: TriggerInput) => {
    if (idempotencyKey === key) throw new BrokerError(code, 'no')
    return 1
  }
const failed = (...ids: string[]) => ({
  batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })),
})

describe('a batch of SQS', () => {
  it('that is accepted reports no failure', async () => {
    const { handle, triggered } = setUp()
    expect(await handle(sqsEvent(sqsRecord(named('m1'))))).toEqual({ batchItemFailures: [] })
    expect(triggered).toEqual([
      {
        tenant: 'acme',
        eventName: 'e',
        contentType: undefined,
        body: new Uint8Array([0x7b, 0x7d]),
        idempotencyKey: 'sqs:m1',
        traceparent: null,
      },
    ])
  })

  it('is fired all at once: one statement can accept it', async () => {
    const ids = Array.from({ length: 10 }, (_, n) => `m${n}`)
    const arrived = new EventEmitter()
    const everybody = once(arrived, 'all')
    let count = 0
    const { handle } = setUp(async () => {
      count += 1
      if (count === ids.length) arrived.emit('all')
      // Nobody ends before everybody has begun.
      await everybody
      return 1
    })
    expect(await handle(sqsEvent(...ids.map((id) => sqsRecord(named(id)))))).toEqual(failed())
  })

  it('reports what failed and nothing else', async () => {
    const { handle, log } = setUp(refuse('sqs:m2', 'log_unavailable'))
    const event = sqsEvent(
      sqsRecord(named('m1')),
      sqsRecord(named('m2')),
      sqsRecord({ id: 'm3', body: 'hello' }),
      sqsRecord(named('m4')),
      sqsRecord(named('m5', '"too large for twenty"')),
      sqsRecord(named('m6', '"of twenty, fits in"')),
    )
    expect(await handle(event)).toEqual(failed('m2', 'm3', 'm5'))
    // What passes is an error of ours; what does not is for the sender to repair.
    expect(
      log.lines.map(({ level, event, fields }) => [
        level,
        event,
        fields['sourceId'],
        fields['code'],
      ]),
    ).toEqual([
      ['warn', 'event.refused', 'm3', 'invalid_request'],
      ['warn', 'event.refused', 'm5', 'payload_too_large'],
      ['error', 'event.failed', 'm2', 'log_unavailable'],
    ])
  })

  it('reports a record whose id was used for something else', async () => {
    const { handle, log } = setUp(refuse('sqs:m1', 'idempotency_key_reused'))
    const event = sqsEvent(sqsRecord(named('m1')), sqsRecord(named('m2')))
    expect(await handle(event)).toEqual(failed('m1'))
    expect(log.of('event.refused')).toMatchObject([{ code: 'idempotency_key_reused' }])
  })

  it('reports a record whose failure nobody expected', async () => {
    const { handle, log } = setUp(() => Promise.reject(new TypeError('a bug')))
    expect(await handle(sqsEvent(sqsRecord(named('m1'))))).toEqual(failed('m1'))
    expect(log.of('event.failed')).toMatchObject([{ code: 'internal_error' }])
  })
})

describe('a FIFO queue', () => {
  it('keeps the order of a group: what stands behind a failure is held, other groups go on', async () => {
    const { handle, triggered, log } = setUp(refuse('sqs:a2', 'log_unavailable'))
    const event = sqsEvent(
      fifoRecord('a', named('a1')),
      fifoRecord('b', named('b1')),
      fifoRecord('a', named('a2')),
      fifoRecord('a', named('a3')),
      fifoRecord('b', named('b2')),
      fifoRecord('a', named('a4')),
    )
    const answer = await handle(event)
    expect(answer?.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier).sort()).toEqual([
      'a2',
      'a3',
      'a4',
    ])
    expect(triggered.map(({ idempotencyKey }) => idempotencyKey).sort()).toEqual([
      'sqs:a1',
      'sqs:a2',
      'sqs:b1',
      'sqs:b2',
    ])
    expect(log.of('event.held').map(({ sourceId }) => sourceId)).toEqual(['a3', 'a4'])
  })

  it('is accepted one after the other within a group', async () => {
    let under = 0
    let most = 0
    const { handle, steps } = setUp(async () => {
      under += 1
      most = Math.max(most, under)
      await new Promise(setImmediate)
      under -= 1
      return 0
    })
    const ids = ['m1', 'm2', 'm3']
    await handle(sqsEvent(...ids.map((id) => fifoRecord('a', named(id)))))
    expect(most).toBe(1)
    expect(steps).toEqual(['accepted sqs:m1', 'accepted sqs:m2', 'accepted sqs:m3'])
  })
})

describe('SNS and EventBridge', () => {
  it('are answered with nothing when all is accepted', async () => {
    const { handle, triggered } = setUp()
    expect(await handle(snsEvent(named('s1')))).toBeUndefined()
    expect(await handle(eventBridgeEvent('e', {}, { id: 'e1' }))).toBeUndefined()
    expect(triggered.map(({ idempotencyKey }) => idempotencyKey)).toEqual([
      'sns:s1',
      'eventbridge:e1',
    ])
  })

  it('are repeated as a whole when one record fails, after the others were accepted', async () => {
    const { handle, steps } = setUp(refuse('sns:s2', 'log_unavailable'))
    await expect(handle(snsEvent(named('s1'), named('s2'), named('s3')))).rejects.toMatchObject({
      code: 'log_unavailable',
      message: '1 of 3 records were not accepted; the log says why',
    })
    expect(steps).toEqual(['accepted sns:s1', 'accepted sns:s3', 'kick'])
  })

  it('are repeated when an event is refused for good, too: their DLQ gets it', async () => {
    const { handle, log } = setUp()
    const large = eventBridgeEvent('e', { text: 'more than twenty bytes' }, { id: 'e1' })
    await expect(handle(large)).rejects.toMatchObject({ code: 'payload_too_large' })
    expect(log.of('event.refused')).toMatchObject([{ source: 'eventbridge', sourceId: 'e1' }])
  })
})

describe('an event of nobody', () => {
  it('is thrown and logged', async () => {
    const { handle, log } = setUp()
    await expect(handle({ Records: [{}] })).rejects.toMatchObject({ code: 'invalid_request' })
    expect(log.of('events.unknown')).toHaveLength(1)
  })
})

describe('the drain is woken', () => {
  const batch = sqsEvent(sqsRecord(named('m1')), sqsRecord(named('m2')), sqsRecord(named('m3')))

  it('once for a batch, after all of it is accepted', async () => {
    const { handle, steps } = setUp()
    await handle(batch)
    expect(steps).toEqual(['accepted sqs:m1', 'accepted sqs:m2', 'accepted sqs:m3', 'kick'])
  })

  it('also when a part of the batch failed', async () => {
    const { handle, steps } = setUp(refuse('sqs:m2', 'log_unavailable'))
    await handle(batch)
    expect(steps).toEqual(['accepted sqs:m1', 'accepted sqs:m3', 'kick'])
  })

  it('not when there is nothing to deliver', async () => {
    const { handle, steps } = setUp(() => 0)
    await handle(batch)
    expect(steps).toEqual(['accepted sqs:m1', 'accepted sqs:m2', 'accepted sqs:m3'])
  })
})
