import { expect, test } from 'vitest'
import { makePatience } from '../../../lib/broker/patience.ts'
import type { DeliveryView, HandOver, ReplayStore } from '../../../lib/broker/ports.ts'
import { makeReplayDelivery } from '../../../lib/broker/replay-delivery.ts'
import { makeManualClock } from '../../support/fakes/manual-clock.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'
import { codeOf } from '../../support/webhook-kit.ts'

const setUp = (replays: Partial<ReplayStore>, found = true) => {
  const log = makeRecordingLog()
  const jobs: Parameters<HandOver>[0][number][] = []
  const view = { id: 'dlv_1' } as DeliveryView
  const delivery = makeReplayDelivery({
    replays: {
      replay: () => Promise.resolve({ kind: 'replayed', generation: 3 }),
      cancel: () => Promise.resolve('cancelled'),
      ...replays,
    },
    reader: { delivery: () => Promise.resolve(found ? { ...view, attempts: [] } : undefined) },
    handOverAgain: (handed) => {
      jobs.push(...handed)
      return Promise.resolve()
    },
    patience: makePatience({ clock: makeManualClock(), log }),
    log,
  })
  return { delivery, jobs, log }
}

test('a replay is due now, and its job is made anew', async () => {
  const { delivery, jobs } = setUp({})
  expect((await delivery.replay('default', 'dlv_1')).id).toBe('dlv_1')
  expect(jobs).toEqual([{ deliveryId: 'dlv_1', generation: 3, delayMs: 0 }])
})

test('one that is in flight or unknown is refused, and nothing is handed over', async () => {
  const flying = setUp({ replay: () => Promise.resolve({ kind: 'in_flight' }) })
  expect(await codeOf(flying.delivery.replay('default', 'dlv_1'))).toBe('delivery_in_flight')
  const unknown = setUp({ replay: () => Promise.resolve({ kind: 'not_found' }) })
  expect(await codeOf(unknown.delivery.replay('default', 'dlv_1'))).toBe('not_found')
  expect([...flying.jobs, ...unknown.jobs]).toEqual([])
})

test('a cancel stops what is open, and nothing else', async () => {
  const { delivery, log } = setUp({})
  expect((await delivery.cancel('default', 'dlv_1')).id).toBe('dlv_1')
  expect(log.of('delivery.cancelled')).toEqual([{ deliveryId: 'dlv_1' }])
  const ended = setUp({ cancel: () => Promise.resolve('ended') })
  expect(await codeOf(ended.delivery.cancel('default', 'dlv_1'))).toBe('conflict')
  const unknown = setUp({ cancel: () => Promise.resolve('not_found') })
  expect(await codeOf(unknown.delivery.cancel('default', 'dlv_1'))).toBe('not_found')
})

test('one that retention removed meanwhile is not found', async () => {
  expect(await codeOf(setUp({}, false).delivery.replay('default', 'dlv_1'))).toBe('not_found')
})
