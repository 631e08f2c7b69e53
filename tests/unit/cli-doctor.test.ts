// What the doctor makes of what it finds. That it finds it is shown with real servers in tests/e2e/cli-doctor.test.ts.

import { describe, expect, it } from 'vitest'
import {
  duration,
  judgeClock,
  judgeMigrations,
  judgeOverdue,
  judgePolicy,
  judgePostgres,
  judgeSchedule,
  judgeSweep,
  outside,
} from '../../cli/doctor/judge.ts'

describe('a clock', () => {
  it('may differ by what nobody notices; five seconds are a warning, a minute is a fault', () => {
    const verdict = (offMs: number) => judgeClock('clock', offMs).verdict
    expect([0, 4_999, -4_999].map(verdict)).toEqual(['ok', 'ok', 'ok'])
    expect([5_000, -5_000, 59_999].map(verdict)).toEqual(['warn', 'warn', 'warn'])
    expect([60_000, -60_000, 86_400_000].map(verdict)).toEqual(['fail', 'fail', 'fail'])
  })

  it('says which way it is off', () => {
    expect(judgeClock('clock', 90_400).found).toBe('90 s ahead of the clock of this machine')
    expect(judgeClock('clock', -7_000).found).toBe('7 s behind the clock of this machine')
    expect(judgeClock('clock', 300).found).toBe('agrees with the clock of this machine')
  })

  it('is not off by the time that the question took, nor by the second that a header rounds away', () => {
    const asked = { fromMs: 10_000, toMs: 10_800 }
    expect(outside({ fromMs: 10_000, toMs: 11_000 }, asked)).toBe(0)
    expect(outside({ fromMs: 9_000, toMs: 10_000 }, asked)).toBe(0)
    expect(outside({ fromMs: 17_000, toMs: 18_000 }, asked)).toBe(6_200)
    expect(outside({ fromMs: 2_000, toMs: 3_000 }, asked)).toBe(-7_000)
  })
})

describe('Redis', () => {
  it('is well with noeviction alone', () => {
    expect(judgePolicy({ policy: 'noeviction' }).verdict).toBe('ok')
    for (const policy of ['allkeys-lru', 'volatile-ttl']) {
      expect(judgePolicy({ policy })).toMatchObject({ verdict: 'fail', check: 'redis' })
    }
    expect(judgePolicy('unknown').verdict).toBe('warn')
    expect(judgePolicy('unreachable').verdict).toBe('fail')
  })
})

describe('Postgres', () => {
  const facts = {
    version: '17.2',
    nowMs: 0,
    fsync: 'on',
    synchronousCommit: 'on',
    pending: [],
    state: undefined,
  }
  const state = { lastSweepAtMs: null, oldestDueAtMs: null, sealed: undefined }
  const NOW = 1_000_000_000

  it('must confirm a commit only when it is safe', () => {
    expect(judgePostgres(facts)).toEqual({
      check: 'postgres',
      verdict: 'ok',
      found: 'answers; version 17.2',
    })
    expect(judgePostgres({ ...facts, fsync: 'off' })).toMatchObject({
      verdict: 'fail',
      advice: 'set fsync to on',
    })
    expect(judgePostgres({ ...facts, synchronousCommit: 'off' })).toMatchObject({
      verdict: 'fail',
      advice: 'set synchronous_commit to on',
    })
    expect(judgePostgres({ ...facts, synchronousCommit: 'remote_apply' }).verdict).toBe('ok')
  })

  it('must have every migration', () => {
    expect(judgeMigrations([]).verdict).toBe('ok')
    expect(judgeMigrations(['0002-b', '0003-c'])).toEqual({
      check: 'migrations',
      verdict: 'fail',
      found: 'missing: 0002-b, 0003-c',
      advice: 'npm run migrate',
    })
  })

  it('must have been swept within five intervals', () => {
    const swept = (agoMs: number) =>
      judgeSweep({ ...state, lastSweepAtMs: NOW - agoMs }, { nowMs: NOW, intervalMs: 60_000 })
    expect(swept(300_000).verdict).toBe('ok')
    expect(swept(300_001)).toMatchObject({ verdict: 'fail', found: 'ran 5 min ago' })
    expect(judgeSweep(state, { nowMs: NOW, intervalMs: 60_000 })).toMatchObject({
      verdict: 'warn',
      found: 'has never run',
    })
  })

  it('must hold nothing that has been due for more than five minutes', () => {
    expect(judgeOverdue(state, NOW).verdict).toBe('ok')
    expect(judgeOverdue({ ...state, oldestDueAtMs: NOW + 60_000 }, NOW).verdict).toBe('ok')
    expect(judgeOverdue({ ...state, oldestDueAtMs: NOW - 300_000 }, NOW).verdict).toBe('ok')
    expect(judgeOverdue({ ...state, oldestDueAtMs: NOW - 7_500_000 }, NOW)).toMatchObject({
      verdict: 'fail',
      found: 'a delivery has been due for 2 h 5 min',
    })
  })
})

it('a schedule is told by its attempts and its length; less than an hour is a warning', () => {
  const hour = 3_600_000
  expect(judgeSchedule({ schedule: [5_000, hour, 48 * hour] })).toEqual({
    check: 'schedule',
    verdict: 'ok',
    found: '4 attempts within 2 d 1 h',
  })
  expect(judgeSchedule({ schedule: [5_000] })).toMatchObject({
    verdict: 'warn',
    found: '2 attempts within 5 s',
  })
})

it('durations are told in their two largest units', () => {
  expect([0, 999, 1_000, 61_000, 3_600_000, 90_061_000].map(duration)).toEqual([
    '0 s',
    '0 s',
    '1 s',
    '1 min 1 s',
    '1 h',
    '1 d 1 h',
  ])
})
