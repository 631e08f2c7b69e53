// How long the sweep works on the figures behind /stats, and what becomes of a fault.

import { expect, it } from 'vitest'
import { makeRollUp } from '../../../lib/broker/roll-up.ts'
import { makeManualClock } from '../../support/fakes/manual-clock.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'

it('goes on while there is more, for five seconds', async () => {
  const clock = makeManualClock()
  let calls = 0
  const stats = {
    rollUp: async () => {
      calls += 1
      await clock.advance(2_000)
      return true
    },
  }
  await makeRollUp({ stats, clock, log: makeRecordingLog() })()
  expect(calls).toBe(3)
})

it('logs a fault and does not let the sweep fail', async () => {
  const log = makeRecordingLog()
  const stats = { rollUp: () => Promise.reject(new Error('no Postgres')) }
  await makeRollUp({ stats, clock: makeManualClock(), log })()
  expect(log.lines.map(({ event }) => event)).toEqual(['stats.roll_up_failed'])
})
