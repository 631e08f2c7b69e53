// Publishing, told with the whole broker in memory: soon by whoever noted it, for certain by the sweep, and never twice.

import { describe, expect, test } from 'vitest'
import {
  makePublishSoon,
  publishAll,
  type PublishDeps,
} from '../../../lib/broker/publish-events.ts'
import { makePatience } from '../../../lib/broker/patience.ts'
import type { AcceptInput } from '../../../lib/broker/ports.ts'
import type { NotedEvent } from '../../../lib/domain/operational-event.ts'
import { BrokerError } from '../../../lib/domain/errors.ts'
import { makeManualClock } from '../../support/fakes/manual-clock.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'
import { makeFakeBroker, TENANT } from '../../support/fakes/world-broker.ts'
import { answered } from '../../support/store-rig.ts'

const URL = 'http://127.0.0.1:4000/hook'
const EAR = 'http://127.0.0.1:4000/operations'

describe('the whole broker', () => {
  const setUp = async (...heard: string[]) => {
    const broker = makeFakeBroker([1_000])
    const register = (eventName: string, webhookUrl: string) =>
      broker.register({ tenant: TENANT, eventName, webhookUrl })
    const { webhook } = await register('sold', URL)
    for (const eventName of heard) await register(eventName, EAR)
    const trigger = (eventName = 'sold') =>
      broker.trigger({
        tenant: TENANT,
        eventName,
        contentType: 'application/json',
        body: Buffer.from('{}'),
        idempotencyKey: undefined,
        traceparent: null,
      })
    const heardNow = () =>
      broker.requests
        .filter(({ url }) => url === EAR)
        .map(
          ({ body }) =>
            JSON.parse(new TextDecoder().decode(body)) as { type: string; data: unknown },
        )
    return { broker, webhook, trigger, heardNow }
  }

  test('a 410 tells of the dead delivery and of the webhook at once, without a sweep', async () => {
    const { broker, webhook, trigger, heardNow } = await setUp(
      'broker.webhook.disabled',
      'broker.delivery.dead',
    )
    broker.receive(URL, () => answered(410))
    await trigger()
    await broker.work()
    const heard = heardNow()
    expect(heard.map(({ type }) => type).sort()).toEqual([
      'broker.delivery.dead',
      'broker.webhook.disabled',
    ])
    expect(heard).toContainEqual(
      expect.objectContaining({
        type: 'broker.webhook.disabled',
        data: { webhookId: webhook.id, eventName: 'sold', webhookUrl: URL, reason: 'gone' },
      }),
    )
    expect((await broker.audit(TENANT)).balanced).toBe(true)
  })

  test('a person who disables a webhook is told as well', async () => {
    const { broker, webhook, heardNow } = await setUp('broker.webhook.disabled')
    const key = { tenant: TENANT, eventName: 'sold', id: webhook.id }
    await broker.manage.change(key, { description: 'still on' })
    await broker.manage.change(key, { status: 'disabled' })
    await broker.work()
    expect(heardNow()).toMatchObject([{ data: { reason: 'manual' } }])
  })

  test('a dead delivery of an operational event tells nothing, whoever listens', async () => {
    const { broker, trigger } = await setUp('broker.delivery.dead')
    broker.receive(URL, () => answered(410))
    broker.receive(EAR, () => answered(500))
    await trigger()
    await broker.work()
    await broker.clock.advance(1_000)
    await broker.work()
    await broker.sweep()
    await broker.work()
    const { deliveries } = await broker.reader.deliveries({ tenant: TENANT, pageSize: 10 })
    expect(deliveries.map(({ eventName, status }) => `${eventName} ${status}`).sort()).toEqual([
      'broker.delivery.dead dead',
      'sold dead',
    ])
  })

  test('what could not be published is published by the sweep, under the id that it would have had', async () => {
    const { broker, webhook, heardNow } = await setUp('broker.webhook.disabled')
    await broker.webhooks.disable(webhook.id, 'failing')
    // A publisher took it and died.
    const [taken] = await broker.operationalEvents.take(10)
    await broker.sweep()
    await broker.work()
    expect(heardNow()).toEqual([])
    await broker.clock.advance(30_000)
    await broker.sweep()
    await broker.sweep()
    await broker.work()
    expect(heardNow()).toMatchObject([{ data: { webhookId: webhook.id, reason: 'failing' } }])
    expect(taken?.tenant).toBe(TENANT)
  })
})

const event = (id: number): NotedEvent => ({
  id: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
  tenant: 'default',
  notedAtMs: 1_700_000_000_000,
  name: 'broker.webhook.disabled',
  data: { webhookId: 'wh_1', eventName: 'e', webhookUrl: URL, reason: 'gone' },
})

/** A publisher over a list of events. `gate` holds each acceptance until it is opened. */
const setUp = (deps: Partial<PublishDeps> = {}) => {
  const log = makeRecordingLog()
  const accepted: AcceptInput[] = []
  const jobs: string[] = []
  let waiting: NotedEvent[] = []
  let takes = 0
  const all: PublishDeps = {
    operationalEvents: {
      take: (limit) => {
        takes += 1
        return Promise.resolve(waiting.slice(0, limit))
      },
      published: (ids) => {
        waiting = waiting.filter(({ id }) => !ids.includes(id))
        return Promise.resolve()
      },
    },
    deliveryLog: {
      accept: (input) => {
        accepted.push(input)
        return Promise.resolve({
          messageId: input.messageId,
          eventName: input.eventName,
          matched: 1,
          deliveryIds: [`dlv_${input.messageId}`],
          replayed: false,
          conflict: false,
          believed: true,
        })
      },
    },
    handOver: (handed) => {
      jobs.push(...handed.map(({ deliveryId }) => deliveryId))
      return Promise.resolve()
    },
    patience: makePatience({ clock: makeManualClock(), log }),
    steps: () => undefined,
    log,
    ...deps,
  }
  const note = (count: number) => {
    waiting = Array.from({ length: count }, (_, id) => event(id))
  }
  return { all, log, accepted, jobs, note, waiting: () => waiting.length, takes: () => takes }
}

describe('publishing soon', () => {
  test('accepts a message for the tenant, hands it over and forgets the event', async () => {
    const { all, accepted, jobs, note, waiting } = setUp()
    note(1)
    await makePublishSoon(all)()
    expect(accepted).toMatchObject([
      {
        tenant: 'default',
        eventName: 'broker.webhook.disabled',
        contentType: 'application/json',
        idempotency: null,
        route: undefined,
      },
    ])
    expect(jobs).toEqual([`dlv_${accepted[0]?.messageId ?? ''}`])
    expect(waiting()).toBe(0)
  })

  test('callers that come meanwhile share the one batch that follows', async () => {
    const { all, takes } = setUp()
    const soon = makePublishSoon(all)
    const first = soon()
    // It has begun.
    await Promise.resolve()
    await Promise.all([first, soon(), soon(), soon()])
    expect(takes()).toBe(2)
    await soon()
    expect(takes()).toBe(3)
  })

  test('never fails its caller, and the next one tries again', async () => {
    let away = true
    const { all, log, note, waiting, accepted } = setUp()
    const accept = all.deliveryLog.accept
    const soon = makePublishSoon({
      ...all,
      deliveryLog: {
        accept: (input) =>
          away ? Promise.reject(new BrokerError('log_unavailable', 'no')) : accept(input),
      },
    })
    note(2)
    await soon()
    expect(log.of('events.postponed')).toHaveLength(1)
    expect(waiting()).toBe(2)
    away = false
    await soon()
    expect(waiting()).toBe(0)
    expect(accepted).toHaveLength(2)
  })

  test('a queue that does not answer loses nothing: the message is accepted, the sweep enqueues it', async () => {
    const { all, accepted, note, waiting } = setUp({
      handOver: () => Promise.reject(new Error('no Redis')),
    })
    note(1)
    await makePublishSoon(all)()
    expect([accepted.length, waiting()]).toEqual([1, 0])
  })
})

describe('publishing all', () => {
  test('goes on until nothing is left', async () => {
    const { all, accepted, note, waiting, takes } = setUp()
    note(250)
    await publishAll(all)
    expect([accepted.length, waiting(), takes()]).toEqual([250, 0, 3])
  })

  test('does not fail the sweep that it belongs to', async () => {
    const { all, log } = setUp({
      operationalEvents: {
        take: () => Promise.reject(new BrokerError('log_unavailable', 'no')),
        published: () => Promise.resolve(),
      },
    })
    await publishAll(all)
    expect(log.of('events.postponed')).toHaveLength(1)
  })

  test.each(['E1', 'E2'] as const)(
    'a publisher that dies at %s leaves them to the next, whose messages have the same ids',
    async (step) => {
      const { all, accepted, note, waiting } = setUp()
      note(3)
      const dying = (at: string) => {
        if (at === step) throw new Error(`failpoint ${at}`)
      }
      await publishAll({ ...all, steps: dying })
      expect(waiting()).toBe(3)
      await publishAll(all)
      expect(waiting()).toBe(0)
      expect(new Set(accepted.map(({ messageId }) => messageId)).size).toBe(3)
    },
  )
})
