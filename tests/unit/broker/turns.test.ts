// The turns of one process, without Redis: whose it remembers, and its share before anybody said how many workers there are.

import { expect, it } from 'vitest'
import { makePatience } from '../../../lib/broker/patience.ts'
import type { SharedTurns } from '../../../lib/broker/ports.ts'
import { makeTurns } from '../../../lib/broker/turns.ts'
import { makeManualClock } from '../../support/fakes/manual-clock.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'

const ONE_A_MINUTE = { limit: 1, perSeconds: 60 }
const TEN_A_SECOND = { limit: 10, perSeconds: 1 }

const setUp = (shared: SharedTurns | undefined) => {
  const clock = makeManualClock()
  return makeTurns({ shared, patience: makePatience({ clock, log: makeRecordingLog() }), clock })
}

it('remembers 5,000 webhooks and forgets the one that asked longest ago', async () => {
  const turns = setUp(undefined)
  await turns.take('wh_first', ONE_A_MINUTE, true)
  for (let n = 1; n < 5_000; n += 1) await turns.take(`wh_${n}`, ONE_A_MINUTE, true)
  expect((await turns.take('wh_first', ONE_A_MINUTE)).waitMs).toBeGreaterThan(0)
  await turns.take('wh_5000', ONE_A_MINUTE, true)
  // The first has asked since, so it is the second that was forgotten: it begins anew.
  const again = await turns.take('wh_1', ONE_A_MINUTE)
  const anew = await setUp(undefined).take('wh_1', ONE_A_MINUTE)
  expect(again).toEqual(anew)
})

it('takes a quarter of the limit while Redis has never answered', async () => {
  const turns = setUp({ take: () => Promise.reject(new Error('away')) })
  await turns.take('wh_1', TEN_A_SECOND, true)
  expect(await turns.take('wh_1', TEN_A_SECOND, true)).toEqual({ kind: 'now', waitMs: 400 })
})

it('counts itself when Redis counts no worker', async () => {
  let away = false
  const turns = setUp({
    take: () =>
      away
        ? Promise.reject(new Error('away'))
        : Promise.resolve({ turn: { kind: 'now', waitMs: 0 }, workers: 0 }),
  })
  await turns.take('wh_1', TEN_A_SECOND)
  away = true
  await turns.take('wh_1', TEN_A_SECOND, true)
  expect(await turns.take('wh_1', TEN_A_SECOND, true)).toEqual({ kind: 'now', waitMs: 100 })
})
