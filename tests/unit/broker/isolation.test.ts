// What the end of an attempt does for its webhook, with a health store that a test scripts.

import { beforeEach, describe, expect, test } from 'vitest'
import { makeIsolation } from '../../../lib/broker/isolation.ts'
import type { Claim, HealthStore } from '../../../lib/broker/ports.ts'
import { makeWebhookGate } from '../../../lib/broker/webhook-gate.ts'
import type { SendOutcome } from '../../../lib/domain/attempt.ts'
import { answered, claim } from '../../support/attempt-kit.ts'
import { makeManualClock, settle } from '../../support/fakes/manual-clock.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'

const DAY_MS = 86_400_000
const TIMED_OUT: SendOutcome = {
  kind: 'failed',
  code: 'timeout',
  detail: '',
  permanent: false,
  staleConnection: false,
}

let calls: unknown[][]
let handed: { deliveryId: string; delayMs: number }[]
let failing: boolean
let published = 0
let drained: boolean
let closing: { deliveryId: string; generation: number }[]

const note =
  <Answer>(name: string, answer: Answer) =>
  (...given: unknown[]) => {
    calls.push([name, ...given])
    return failing ? Promise.reject(new Error('no Postgres')) : Promise.resolve(answer)
  }
const ready = (deliveryId: string) => ({ deliveryId, generation: 1 })
const health: HealthStore = {
  open: note('open', { opened: true, probe: { ...ready('dlv_probe'), delayMs: 30_000 } }),
  close: (...given) => note('close', closing)(...given),
  release: (...given) =>
    note('release', { ready: drained ? [] : [ready('dlv_c')], drained })(...given),
  failing: note('failing', undefined),
  succeeded: note('succeeded', undefined),
}

const setUp = () => {
  const log = makeRecordingLog()
  const clock = makeManualClock()
  const gate = makeWebhookGate({ concurrency: 100, breakerFailures: 3 }, () => 0)
  const after = makeIsolation({
    health,
    gate,
    handOver: (jobs) => {
      handed.push(...jobs)
      return Promise.resolve()
    },
    clock,
    openMs: 30_000,
    disable: ({ webhookId }) => note('disable', undefined)(webhookId),
    publishSoon: () => {
      published += 1
      return Promise.resolve()
    },
    log,
  })
  const ended = (outcome: SendOutcome | undefined, change: Partial<Claim['health']> = {}) =>
    after({ ...claim, health: { ...claim.health, ...change } }, outcome)
  return { log, clock, gate, ended }
}

beforeEach(() => {
  calls = []
  handed = []
  published = 0
  failing = false
  drained = false
  closing = [ready('dlv_a'), ready('dlv_b')]
})

describe('an attempt that has ended', () => {
  test('at a healthy webhook costs nothing', async () => {
    const { ended } = setUp()
    await ended(answered(200))
    await ended(answered(500))
    expect(calls).toEqual([])
  })

  test('as the last of too many failures opens the breaker and hands over its probe', async () => {
    const { ended, log } = setUp()
    await ended(answered(500))
    await ended(TIMED_OUT)
    await ended(answered(429))
    expect(calls).toEqual([
      ['open', { webhookId: 'wh_1', openForMs: 30_000, probeId: undefined }],
      ['failing', 'wh_1'],
    ])
    expect(handed).toEqual([{ deliveryId: 'dlv_probe', generation: 1, delayMs: 30_000 }])
    expect(log.lines.map(({ event }) => event)).toEqual(['breaker.opened'])
    expect(published).toBe(1)
  })

  test('as a probe that failed keeps it open for longer', async () => {
    const { ended } = setUp()
    await ended(answered(503), { probe: true, opens: 2, failingForMs: 600_000 })
    expect(calls).toEqual([['open', { webhookId: 'wh_1', openForMs: 120_000, probeId: 'dlv_1' }]])
    // It stays as it was: no news.
    expect(published).toBe(0)
  })

  test('as a probe that succeeded closes it, and lets the first ones go', async () => {
    const { ended } = setUp()
    await ended(answered(200), { probe: true, opens: 2, failingForMs: 600_000 })
    expect(calls).toEqual([
      ['close', 'wh_1', 'dlv_1', 10],
      ['succeeded', 'wh_1'],
    ])
    expect(handed.map(({ deliveryId }) => deliveryId)).toEqual(['dlv_a', 'dlv_b'])
    expect(published).toBe(1)
  })

  // The webhook went on letting a backlog go that it did not have: the next delivery was parked, and waited for the sweep.
  test('as a probe for which nobody waited ends the ramp at once, and looks once more', async () => {
    const { ended, clock } = setUp()
    closing = []
    drained = true
    await ended(answered(200), { probe: true, opens: 1, failingForMs: 60_000 })
    const begun = ['release', { webhookId: 'wh_1', count: 10, limit: 80, anew: true }]
    expect(calls).toEqual([['close', 'wh_1', 'dlv_1', 10], begun, ['succeeded', 'wh_1']])
    await clock.advance(500)
    expect(calls.slice(3)).toEqual([begun])
    expect(handed).toEqual([])
    expect(published).toBe(1)
  })

  test('as a probe during whose end another one parked brings that one along', async () => {
    const { ended, gate } = setUp()
    closing = []
    await ended(answered(200), { probe: true, opens: 1, failingForMs: 60_000 })
    expect(handed.map(({ deliveryId }) => deliveryId)).toEqual(['dlv_c'])
    expect(gate.hasBacklog('wh_1')).toBe(true)
  })

  test('as a probe that says nothing changes nothing: it is sent again', async () => {
    const { ended } = setUp()
    await ended(undefined, { probe: true, opens: 1, failingForMs: 60_000 })
    await ended({ ...TIMED_OUT, code: 'reset', staleConnection: true }, { probe: true })
    expect(calls).toEqual([])
  })

  test('after it was let go brings two along, one if it failed', async () => {
    const { ended } = setUp()
    await ended(answered(200), { released: true })
    await ended(answered(500), { released: true })
    expect(calls).toEqual([
      ['release', { webhookId: 'wh_1', count: 2, limit: 80 }],
      ['release', { webhookId: 'wh_1', count: 1, limit: 80 }],
    ])
    expect(handed.map(({ deliveryId }) => deliveryId)).toEqual(['dlv_c', 'dlv_c'])
  })

  test('where others were parked brings them along as well', async () => {
    const { ended, gate } = setUp()
    gate.parked('wh_1', false)
    await ended(answered(200))
    expect(calls.map(([name]) => name)).toEqual(['release'])
  })

  test('that was not there when a backlog began is no reason to leave it', async () => {
    const { gate } = setUp()
    gate.parked('wh_1', true)
    await settle()
    expect(calls).toEqual([['release', { webhookId: 'wh_1', count: 10, limit: 80, anew: true }]])
    expect(handed.map(({ deliveryId }) => deliveryId)).toEqual(['dlv_c'])
  })

  // A claim that had begun earlier parked another one after the backlog had ended, and it waited for the sweep.
  test('as the last of a backlog looks once more, a moment later', async () => {
    const { ended, gate, clock } = setUp()
    gate.parked('wh_1', false)
    drained = true
    await ended(answered(200))
    await ended(answered(200))
    expect(calls).toHaveLength(2)
    await clock.advance(500)
    expect(calls.slice(2)).toEqual([
      ['release', { webhookId: 'wh_1', count: 10, limit: 80, anew: true }],
    ])
  })

  test('is the end of a webhook that has failed for five days', async () => {
    const { ended } = setUp()
    await ended(answered(500), { failingForMs: 5 * DAY_MS - 1 })
    expect(calls).toEqual([])
    await ended(answered(500), { failingForMs: 5 * DAY_MS })
    expect(calls).toEqual([['disable', 'wh_1']])
    expect(published).toBe(1)
  })

  test('well ends the count of the days', async () => {
    const { ended } = setUp()
    await ended(answered(200), { failingForMs: 5 * DAY_MS })
    expect(calls).toEqual([['succeeded', 'wh_1']])
  })

  test('is not failed by a Postgres that is away', async () => {
    const { ended, log } = setUp()
    failing = true
    await ended(answered(200), { released: true })
    expect(log.lines.map(({ event }) => event)).toEqual(['isolation.postponed'])
    expect(handed).toEqual([])
  })
})
