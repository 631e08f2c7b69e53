// On a busy machine Redis answered a few triggers late, and their deliveries waited 30 s for the sweep (measured).

import { describe, expect, test } from 'vitest'
import { makeCatchUp } from '../../../lib/broker/catch-up.ts'
import { makeManualClock, settle } from '../../support/fakes/manual-clock.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'

const setUp = () => {
  const clock = makeManualClock()
  const log = makeRecordingLog()
  const state = { away: false }
  const calls: string[][] = []
  const catchUp = makeCatchUp({
    handOver: (jobs) => {
      if (state.away) return Promise.reject(new Error('away'))
      calls.push(jobs.map(({ deliveryId }) => deliveryId))
      return Promise.resolve()
    },
    graceMs: 30_000,
    clock,
    log,
  })
  return { clock, log, state, calls, catchUp }
}

const jobs = (...ids: string[]) =>
  ids.map((deliveryId) => ({ deliveryId, generation: 0, delayMs: 0 }))

describe('what could not be handed over in time', () => {
  test('is handed over half a second later', async () => {
    const { clock, log, calls, catchUp } = setUp()
    catchUp.add(jobs('dlv_1'))
    await clock.advance(499)
    expect(calls).toEqual([])
    catchUp.add(jobs('dlv_2', 'dlv_3'))
    await clock.advance(1)
    expect(calls).toEqual([['dlv_1', 'dlv_2', 'dlv_3']])
    expect(log.of('queue.caught_up')).toEqual([{ count: 3 }])
  })

  test('is tried every half second while Redis is away, and once when it is back', async () => {
    const { clock, state, calls, catchUp } = setUp()
    state.away = true
    catchUp.add(jobs('dlv_1'))
    await clock.advance(10_000)
    state.away = false
    await clock.advance(500)
    expect(calls).toEqual([['dlv_1']])
    await clock.advance(60_000)
    expect(calls).toEqual([['dlv_1']])
  })

  test('is left to the sweep once that asks for it itself', async () => {
    const { clock, state, calls, catchUp } = setUp()
    state.away = true
    catchUp.add(jobs('dlv_old'))
    await clock.advance(20_000)
    catchUp.add(jobs('dlv_new'))
    await clock.advance(10_000)
    state.away = false
    await clock.advance(500)
    expect(calls).toEqual([['dlv_new']])
  })

  test('goes in calls of a thousand, and past 20,000 there is no room', async () => {
    const { clock, calls, catchUp } = setUp()
    catchUp.add(jobs(...Array.from({ length: 20_500 }, (_, n) => `dlv_${n}`)))
    await clock.advance(500)
    await settle()
    expect(calls.map(({ length }) => length)).toEqual(Array.from({ length: 20 }, () => 1_000))
  })

  test('is left behind when the process stops', async () => {
    const { clock, state, calls, catchUp } = setUp()
    state.away = true
    catchUp.add(jobs('dlv_1'))
    await catchUp.close()
    state.away = false
    catchUp.add(jobs('dlv_2'))
    await clock.advance(60_000)
    expect(calls).toEqual([])
  })
})
