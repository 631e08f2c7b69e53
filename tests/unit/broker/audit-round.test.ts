// What the sweep does with the pieces of the audit, and for how long.

import { expect, test } from 'vitest'
import { makeAuditRound } from '../../../lib/broker/audit-round.ts'
import type { AuditPiece } from '../../../lib/broker/ports.ts'
import { makeManualClock } from '../../support/fakes/manual-clock.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'

const GOOD = {
  tenant: 'default',
  day: '2026-01-31',
  messages: 2,
  matched: 10,
  delivered: 4,
  dead: 3,
  cancelled: 2,
  open: 1,
}
const LOST = { ...GOOD, tenant: 'other', delivered: 3 }
const MADE_UP = { ...GOOD, day: '2026-02-01', open: 2 }

const piece = (days: AuditPiece['days'], more: boolean): AuditPiece => ({
  fromId: 'msg_0000000001',
  untilId: 'msg_0000000002',
  days,
  more,
})

const setUp = (next: (calls: number) => Promise<AuditPiece | undefined>) => {
  const clock = makeManualClock(Date.parse('2026-03-02T00:00:00Z'))
  const log = makeRecordingLog()
  const asked: [limit: number, oldestMs: number][] = []
  const audit = makeAuditRound({
    rounds: {
      next: (limit, oldestMs) => {
        asked.push([limit, oldestMs])
        return next(asked.length)
      },
    },
    retentionDays: 30,
    clock,
    log,
  })
  return { audit, clock, log, asked }
}

test('each day of a piece that does not add up is an error-level line that says where to look', async () => {
  const { audit, log } = setUp((calls) =>
    Promise.resolve(calls === 1 ? piece([GOOD, LOST], true) : piece([MADE_UP], false)),
  )
  await audit()
  const where = { fromId: 'msg_0000000001', untilId: 'msg_0000000002' }
  expect(log.lines).toEqual([
    { level: 'error', event: 'audit.mismatch', fields: { ...LOST, ...where } },
    { level: 'error', event: 'audit.mismatch', fields: { ...MADE_UP, ...where } },
  ])
})

test('looks at what the retention keeps, and asks no more when nothing is due', async () => {
  const { audit, log, asked } = setUp(() => Promise.resolve(undefined))
  await audit()
  expect(asked).toEqual([[5_000, Date.parse('2026-01-31T00:00:00Z')]])
  expect(log.lines).toEqual([])
})

test('goes on while there is more, for two seconds; the next sweep goes on from there', async () => {
  const set = setUp(async () => {
    await set.clock.advance(800)
    return piece([], true)
  })
  await set.audit()
  expect(set.asked).toHaveLength(3)
})

test('a log that cannot be read is a warning, and the sweep does not fail of it', async () => {
  const { audit, log } = setUp(() => Promise.reject(new Error('no Postgres')))
  await audit()
  expect(log.lines.map(({ level, event }) => [level, event])).toEqual([['warn', 'audit.failed']])
})
