import { describe, expect, test } from 'vitest'
import { makePatience } from '../../../lib/broker/patience.ts'
import type { Accepted, AcceptInput, Job } from '../../../lib/broker/ports.ts'
import {
  makeTriggerEvent,
  type TriggerDeps,
  type TriggerInput,
} from '../../../lib/broker/trigger-event.ts'
import { BrokerError } from '../../../lib/domain/errors.ts'
import { makeManualClock } from '../../support/fakes/manual-clock.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'
import { makeFakeRoutingTable } from '../../support/fakes/routing-table.ts'
import { makeNumberedIds } from '../../support/fakes/sources.ts'

const input: TriggerInput = {
  tenant: 'default',
  eventName: 'upload_image',
  contentType: 'application/json',
  body: Buffer.from('{"a":1}'),
  idempotencyKey: undefined,
  traceparent: null,
}

const setUp = (change: Partial<TriggerDeps> = {}, answer: Partial<Accepted> = {}) => {
  const clock = makeManualClock()
  const log = makeRecordingLog()
  const accepts: AcceptInput[] = []
  const jobs: Job[] = []
  const steps: string[] = []
  const routing = makeFakeRoutingTable()
  const trigger = makeTriggerEvent({
    log,
    clock,
    ids: makeNumberedIds(),
    patience: makePatience({ clock, log }),
    deliveryLog: {
      accept: (request) => {
        accepts.push(request)
        steps.push('accept')
        return Promise.resolve({
          messageId: request.messageId,
          eventName: request.eventName,
          matched: 2,
          deliveryIds: ['dlv_a', 'dlv_b'],
          replayed: false,
          conflict: false,
          believed: true,
          ...answer,
        })
      },
    },
    routing,
    handOver: (added) => {
      jobs.push(...added)
      return Promise.resolve()
    },
    steps: (step) => steps.push(step),
    ...change,
  })
  return { clock, log, accepts, jobs, steps, routing, trigger }
}

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
    return 'accepted'
  } catch (error) {
    return error instanceof BrokerError ? error.code : String(error)
  }
}

describe('a trigger', () => {
  test('looks up, accepts, hands over and answers, in this order', async () => {
    const { trigger, jobs, steps, accepts, routing, log } = setUp()
    await routing.apply({
      tenant: 'default',
      eventName: 'upload_image',
      webhookUrl: 'http://x/',
      op: 'add',
      from: 0,
      to: 1,
    })
    expect(await trigger(input)).toEqual({
      messageId: 'msg_00000000000000000000000001',
      eventName: 'upload_image',
      deliveries: 2,
    })
    expect(steps).toEqual(['T1', 'accept', 'T2', 'T3'])
    expect(accepts[0]?.route).toEqual({ version: 1, urls: ['http://x/'] })
    expect(jobs).toEqual([
      { deliveryId: 'dlv_a', generation: 0, delayMs: 0 },
      { deliveryId: 'dlv_b', generation: 0, delayMs: 0 },
    ])
    expect(log.of('message.accepted')).toMatchObject([{ deliveries: 2, enqueued: true }])
  })

  test('goes where the one before it went without asking again, until Postgres does not believe it', async () => {
    const lookups: string[] = []
    const routing = {
      lookup: (tenant: string, eventName: string) => {
        lookups.push(`${tenant}/${eventName}`)
        return Promise.resolve({ version: lookups.length, urls: ['http://x/'] })
      },
    }
    const { trigger, accepts, clock } = setUp({ routing })
    await trigger(input)
    await trigger(input)
    expect(lookups).toEqual(['default/upload_image'])
    await clock.advance(1_000)
    await trigger(input)
    expect(lookups).toHaveLength(2)

    const refusing = setUp({ routing }, { believed: false })
    await refusing.trigger(input)
    await refusing.trigger(input)
    expect(lookups).toHaveLength(4)
    expect([...accepts, ...refusing.accepts].map(({ route }) => route?.version)).toEqual([
      1, 1, 2, 3, 4,
    ])
  })

  test('passes on the very bytes', async () => {
    const { trigger, accepts } = setUp()
    await trigger(input)
    expect(accepts[0]?.payload).toBe(input.body)
  })

  test('without Redis asks Postgres alone', async () => {
    const { trigger, accepts } = setUp({ routing: undefined })
    await trigger(input)
    expect(accepts[0]?.route).toBeUndefined()
  })

  test('is accepted although the queue refuses, and the log says so', async () => {
    const { trigger, log } = setUp({ handOver: () => Promise.reject(new Error('refused')) })
    expect(await trigger(input)).toMatchObject({ deliveries: 2 })
    expect(log.of('message.accepted')).toMatchObject([{ enqueued: false }])
  })

  test('waits for a hanging queue no longer than the budget', async () => {
    const { trigger, clock } = setUp({ handOver: () => new Promise(() => undefined) })
    const answer = trigger(input)
    await clock.advance(300)
    expect(await answer).toMatchObject({ deliveries: 2 })
  })

  test('with 2,500 jobs has three budgets', async () => {
    const deliveryIds = Array.from({ length: 2_500 }, (_, index) => `dlv_${index}`)
    const clock = makeManualClock()
    const log = makeRecordingLog()
    const { trigger } = setUp(
      { patience: makePatience({ clock, log }), log, handOver: () => clock.wait(899) },
      { matched: 2_500, deliveryIds },
    )
    const answer = trigger(input)
    await clock.advance(899)
    await answer
    expect(log.of('message.accepted')).toMatchObject([{ enqueued: true }])
  })

  test('that matched nobody enqueues nothing', async () => {
    const { trigger, jobs } = setUp({}, { matched: 0, deliveryIds: [] })
    expect(await trigger(input)).toMatchObject({ deliveries: 0 })
    expect(jobs).toEqual([])
  })

  test('without a body stands for {}', async () => {
    const { trigger, accepts } = setUp()
    await trigger({ ...input, body: new Uint8Array(), contentType: undefined })
    expect(Buffer.from(accepts[0]?.payload ?? []).toString()).toBe('{}')
    expect(accepts[0]?.contentType).toBe('application/json')
  })

  test('with a key compares by the hash of its payload', async () => {
    const { trigger, accepts } = setUp()
    await trigger({ ...input, idempotencyKey: 'k1' })
    expect(accepts[0]?.idempotency?.key).toBe('k1')
    expect(Buffer.from(accepts[0]?.idempotency?.payloadHash ?? []).toString('hex')).toBe(
      '015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862',
    )
  })

  test('with a key that was used for something else is refused, and nothing is handed over', async () => {
    const { trigger, jobs } = setUp({}, { conflict: true, replayed: true, deliveryIds: [] })
    expect(await codeOf(trigger({ ...input, idempotencyKey: 'k1' }))).toBe('idempotency_key_reused')
    expect(jobs).toEqual([])
  })

  test.each([
    [{ eventName: 'a/b' }, 'invalid_event_name'],
    [{ eventName: 'broker.webhook.disabled' }, 'reserved_event_name'],
    [{ contentType: 'text/plain' }, 'unsupported_media_type'],
    [{ body: Buffer.from('{bad') }, 'invalid_json'],
    [{ body: Buffer.from([0xff]) }, 'invalid_encoding'],
    [{ idempotencyKey: '' }, 'invalid_idempotency_key'],
  ])('with %j is refused before anything is written', async (change, code) => {
    const { trigger, accepts } = setUp()
    expect(await codeOf(trigger({ ...input, ...change }))).toBe(code)
    expect(accepts).toEqual([])
  })

  test('that Postgres does not confirm fails, and nothing is handed over', async () => {
    const { trigger, jobs } = setUp({
      deliveryLog: { accept: () => Promise.reject(new BrokerError('log_unavailable', 'no')) },
    })
    expect(await codeOf(trigger(input))).toBe('log_unavailable')
    expect(jobs).toEqual([])
  })
})
