// When a worker goes over to Postgres and when it comes back, with a clock that stands still.

import { beforeEach, describe, expect, it } from 'vitest'
import { makeFailover, type Failover } from '../../../lib/queue/failover.ts'
import { makeManualClock, type ManualClock } from '../../support/fakes/manual-clock.ts'
import { makeMemoryLog } from '../../support/redis-kit.ts'

let clock: ManualClock
let log: ReturnType<typeof makeMemoryLog>
let failover: Failover
let redis: 'holds it' | 'is empty' | 'is away'
let questions: number
/** What the direct dispatcher was told. */
let told: string[]

beforeEach(() => {
  clock = makeManualClock()
  log = makeMemoryLog()
  redis = 'holds it'
  questions = 0
  told = []
  failover = makeFailover({
    direct: { resume: () => told.push('resume'), finish: () => told.push('finish') },
    holdsIncarnation: () => {
      questions += 1
      if (redis === 'is away') return Promise.reject(new Error('no answer'))
      return Promise.resolve(redis === 'holds it')
    },
    heartbeatMs: 120_000,
    clock,
    log,
  })
})

const fail = (times: number) => {
  for (let n = 0; n < times; n += 1) failover.onConnection('failed')
}

describe('failing connections', () => {
  it('lead over to Postgres with the third failure within two seconds', async () => {
    redis = 'is away'
    fail(2)
    await clock.advance(1_999)
    expect(told).toEqual([])
    fail(1)
    expect(told).toEqual(['resume'])
    fail(5)
    await clock.advance(5_000)
    expect(told).toEqual(['resume'])
    expect(log.events()).toEqual(['dispatcher.direct'])
  })

  it('that are further apart lead nowhere', async () => {
    redis = 'is away'
    for (let n = 0; n < 20; n += 1) {
      fail(1)
      await clock.advance(1_000)
    }
    // The control: one more failure within the two seconds, and it goes over.
    expect(told).toEqual([])
    fail(2)
    expect(told).toEqual(['resume'])
  })

  it('lead back only when Redis holds the incarnation again', async () => {
    redis = 'is away'
    fail(3)
    await clock.advance(10_000)
    redis = 'is empty'
    failover.onConnection('ready')
    await clock.advance(10_000)
    expect(told).toEqual(['resume'])
    redis = 'holds it'
    await clock.advance(1_000)
    expect(told).toEqual(['resume', 'finish'])
    expect(log.events()).toEqual(['dispatcher.direct', 'dispatcher.queue'])
  })

  it('lead over again after the way back', async () => {
    redis = 'is away'
    fail(3)
    await clock.advance(3_000)
    redis = 'holds it'
    await clock.advance(3_000)
    redis = 'is away'
    fail(2)
    expect(told).toEqual(['resume', 'finish'])
    fail(1)
    expect(told).toEqual(['resume', 'finish', 'resume'])
  })

  it('keep it on Postgres while they go on, even when Redis answers another connection', async () => {
    fail(3)
    for (let n = 0; n < 10; n += 1) {
      await clock.advance(1_000)
      fail(1)
    }
    expect(told).toEqual(['resume'])
    await clock.advance(3_000)
    expect(told).toEqual(['resume', 'finish'])
  })
})

describe('a Redis that keeps its connections and does not answer', () => {
  it('is asked every two minutes, and left after three questions in a row', async () => {
    await clock.advance(600_000)
    expect(questions).toBe(5)
    redis = 'is away'
    await clock.advance(120_000)
    expect(questions).toBe(6)
    await clock.advance(1_000)
    expect(told).toEqual([])
    await clock.advance(1_000)
    expect(questions).toBe(8)
    expect(told).toEqual(['resume'])
    redis = 'holds it'
    await clock.advance(1_000)
    expect(told).toEqual(['resume', 'finish'])
  })

  it('is kept when it answers the second or third question', async () => {
    redis = 'is away'
    await clock.advance(121_000)
    redis = 'holds it'
    await clock.advance(1_000)
    redis = 'is away'
    await clock.advance(121_000)
    expect(told).toEqual([])
    await clock.advance(1_000)
    expect(told).toEqual(['resume'])
  })
})

describe('a Redis without the incarnation', () => {
  it('is no reason to leave it: the sweep repairs it', async () => {
    redis = 'is empty'
    await clock.advance(600_000)
    expect(told).toEqual([])
  })
})

describe('after its close', () => {
  it('it does nothing more', async () => {
    redis = 'is away'
    failover.close()
    fail(3)
    await clock.advance(600_000)
    expect(told).toEqual([])
    expect(questions).toBe(0)
  })
})
