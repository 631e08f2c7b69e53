// What one process lets through for each webhook, with a clock that the test moves.

import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { makeWebhookGate, type WebhookGate } from '../../../lib/broker/webhook-gate.ts'
import type { AdmissionView } from '../../../lib/broker/ports.ts'
import type { Ending } from '../../../lib/domain/breaker.ts'

/** More than any webhook has room for: all are named. */
const ALL = 1_000

let nowMs: number
let gate: WebhookGate
let count: number

beforeEach(() => {
  nowMs = 1_000
  count = 0
  gate = makeWebhookGate({ concurrency: 100, breakerFailures: 10 }, () => nowMs)
})

const claim = (webhookId: string, times = 1): string[] =>
  Array.from({ length: times }, () => {
    const id = `dlv_${(count += 1)}`
    gate.claimed(webhookId, id)
    return id
  })
const end = (webhookId: string, ids: readonly string[], ending: Ending = 'succeeded') =>
  ids.map((deliveryId) => gate.ended({ webhookId, deliveryId, ending }))
const seen = (webhookId: string) =>
  gate.view(ALL).webhooks.find((admission) => admission.webhookId === webhookId)
/** A webhook that answers in so many ms. */
const warm = (webhookId: string, tookMs: number) => {
  const ids = claim(webhookId)
  nowMs += tookMs
  end(webhookId, ids)
}

/** What becomes of so many claims of one webhook, as claim-sql.ts decides it: of those that were let go, and of the others. */
const fits = (view: AdmissionView, webhook: string, claims: number) => {
  const mine = view.webhooks.find(({ webhookId }) => webhookId === webhook)
  const room = mine?.room ?? view.otherwise
  const past =
    mine?.parks === true ? (mine.inFlight === 0 && room === 0 ? 'held' : 'capped') : 'busy'
  return Array.from({ length: claims }, (_, n) => ({
    released: mine?.slow === true && n + 1 > view.slowRoom ? 'busy' : 'claimed',
    other: n + 1 <= room ? 'claimed' : past,
  }))
}

describe('the room of a webhook', () => {
  test('that answers at once is the whole worker, while it is alone', () => {
    warm('wh_a', 50)
    claim('wh_a', 30)
    expect(seen('wh_a')).toMatchObject({ inFlight: 30, room: 70, slow: false })
  })

  test('that nobody knows leaves a fifth for the others, and the rest asks again', () => {
    expect(gate.view(ALL)).toEqual({ webhooks: [], otherwise: 80, slowRoom: 50 })
    claim('wh_new', 3)
    expect(seen('wh_new')).toEqual({
      webhookId: 'wh_new',
      inFlight: 3,
      room: 77,
      parks: false,
      slow: false,
    })
  })

  test('that nobody knows is a fifth while others have work', () => {
    claim('wh_a')
    claim('wh_new', 3)
    expect(gate.view(ALL).otherwise).toBe(20)
    expect(seen('wh_new')).toMatchObject({ room: 17, parks: false })
  })

  test('that hangs is a fifth from the first second on, and the rest is parked', () => {
    claim('wh_hangs', 15)
    nowMs += 999
    expect(seen('wh_hangs')).toMatchObject({ room: 65, parks: false, slow: false })
    nowMs += 1
    expect(seen('wh_hangs')).toMatchObject({ room: 5, parks: true, slow: true })
    claim('wh_hangs', 5)
    expect(seen('wh_hangs')).toMatchObject({ room: 0, slow: true })
  })

  test('is remembered as slow until an attempt is quick again', () => {
    warm('wh_a', 15_000)
    expect(seen('wh_a')).toMatchObject({ inFlight: 0, room: 20, slow: true })
    warm('wh_a', 100)
    expect(seen('wh_a')).toMatchObject({ inFlight: 0, room: 100, slow: false })
  })

  test('that takes its time is all but a fifth once another webhook has work', () => {
    warm('wh_a', 300)
    claim('wh_a', 10)
    expect(seen('wh_a')).toMatchObject({ room: 90 })
    claim('wh_b', 5)
    expect(seen('wh_a')).toMatchObject({ room: 65, parks: true })
    claim('wh_a', 70)
    expect(seen('wh_a')).toMatchObject({ inFlight: 80, room: 0 })
    // Ten seconds later the other one has nothing any more.
    claim('wh_a')
    nowMs += 11_000
    expect(seen('wh_a')?.slow).toBe(true)
  })

  test('of slow webhooks together is half of the worker', () => {
    for (const name of ['a', 'b', 'c']) claim(`wh_${name}`, 15)
    nowMs += 1_000
    expect(gate.view(ALL).slowRoom).toBe(5)
    expect(seen('wh_a')).toMatchObject({ inFlight: 15, room: 5 })
    claim('wh_a', 5)
    expect(seen('wh_b')).toMatchObject({ inFlight: 15, room: 0 })
    expect(gate.view(ALL).slowRoom).toBe(0)
  })

  test('of a worker with one slot is one', () => {
    gate = makeWebhookGate({ concurrency: 1, breakerFailures: 10 }, () => nowMs)
    expect(gate.view(ALL)).toEqual({ webhooks: [], otherwise: 1, slowRoom: 1 })
    warm('wh_a', 5_000)
    expect(seen('wh_a')).toMatchObject({ room: 1, slow: true })
  })
})

describe('what a gate remembers', () => {
  test('ten failures in a row open the breaker, a success between them does not', () => {
    const nine = end('wh_a', claim('wh_a', 9), 'failed')
    expect(nine.map(({ trips }) => trips)).toEqual(Array(9).fill(false))
    expect(nine.at(-1)?.failures).toBe(9)
    end('wh_a', claim('wh_a'), 'succeeded')
    expect(end('wh_a', claim('wh_a', 9), 'failed').some(({ trips }) => trips)).toBe(false)
    expect(end('wh_a', claim('wh_a'), 'failed')).toEqual([{ trips: true, failures: 10 }])
  })

  test('a backlog that seems to have ended is looked after for five seconds', () => {
    expect(gate.hasBacklog('wh_a')).toBe(false)
    gate.parked('wh_a', true)
    expect(gate.hasBacklog('wh_a')).toBe(true)
    gate.noBacklog('wh_a')
    nowMs += 4_999
    expect(gate.hasBacklog('wh_a')).toBe(true)
    nowMs += 1
    expect(gate.hasBacklog('wh_a')).toBe(false)
  })

  // A worker that had parked none of it let the last one go, and did not look whether a claim was just parking another.
  test('the end of a backlog that another process parked is news once', () => {
    expect(gate.noBacklog('wh_a')).toBe(true)
    expect(gate.hasBacklog('wh_a')).toBe(true)
    expect(gate.noBacklog('wh_a')).toBe(false)
    nowMs += 5_000
    expect(gate.hasBacklog('wh_a')).toBe(false)
    expect(gate.noBacklog('wh_a')).toBe(true)
  })

  // The attempts that it was parked behind ended while the claim was under way, and it waited for the sweep.
  test('a backlog that begins with nothing under way is told, and no other', () => {
    const lone: string[] = []
    gate.onLoneBacklog((webhookId) => lone.push(webhookId))
    claim('wh_busy', 2)
    gate.parked('wh_busy', true)
    gate.parked('wh_elsewhere', false)
    gate.parked('wh_lone', true)
    expect(lone).toEqual(['wh_lone'])
  })

  test('a backlog is let go up to a fifth while the webhook is slow, else up to all', () => {
    warm('wh_slow', 2_000)
    expect(gate.limitOf('wh_slow')).toBe(20)
    warm('wh_quick', 20)
    expect(gate.limitOf('wh_quick')).toBe(100)
  })

  // With all slots of the slow ones taken it was none, nothing was let go, and the backlog waited for the sweep.
  test('a backlog is let go one by one where the slow ones have no room left', () => {
    for (const name of ['a', 'b', 'c']) claim(`wh_${name}`, 20)
    warm('wh_slow', 2_000)
    expect(gate.view(ALL).slowRoom).toBe(0)
    expect(gate.limitOf('wh_slow')).toBe(1)
  })

  // A claim of one delivery named a hundred webhooks that had nothing to do with it, once the process had seen as many.
  test('a claim is told of those that have work, and of those at rest only if it may be too large for one of them', () => {
    for (let n = 0; n < 200; n += 1) warm(`wh_${n}`, 20)
    warm('wh_slow', 2_000)
    claim('wh_busy', 3)
    const named = (claims: number) => gate.view(claims).webhooks.map(({ webhookId }) => webhookId)
    expect(named(1)).toEqual(['wh_busy'])
    expect(named(20)).toEqual(['wh_busy'])
    expect(named(21)).toHaveLength(101)
    expect(named(21)).toContain('wh_slow')
  })

  test('a view for a few claims decides about each of them as the view of all', () => {
    const webhooks = ['wh_a', 'wh_b', 'wh_c', 'wh_d', 'wh_e']
    const step = fc.record({
      webhook: fc.constantFrom(...webhooks),
      times: fc.integer({ min: 1, max: 12 }),
      tookMs: fc.constantFrom(0, 20, 150, 1_200),
      ends: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.integer({ min: 1, max: 60 }),
        (steps, claims) => {
          gate = makeWebhookGate({ concurrency: 100, breakerFailures: 10 }, () => nowMs)
          for (const { webhook, times, tookMs, ends } of steps) {
            const ids = claim(webhook, times)
            nowMs += tookMs
            if (ends) end(webhook, ids)
          }
          const [few, all] = [gate.view(claims), gate.view(ALL)]
          expect(few).toMatchObject({ otherwise: all.otherwise, slowRoom: all.slowRoom })
          for (const webhook of [...webhooks, 'wh_unknown']) {
            const [byFew, byAll] = [few, all].map((view) => fits(view, webhook, claims))
            expect(byFew).toEqual(byAll)
          }
        },
      ),
    )
  })

  test('it does not grow without end', () => {
    for (let n = 0; n < 6_000; n += 1) end(`wh_${n}`, claim(`wh_${n}`, 1))
    claim('wh_last', 2)
    expect(seen('wh_last')).toMatchObject({ inFlight: 2 })
    expect(gate.view(ALL).webhooks).toHaveLength(101)
  })
})
