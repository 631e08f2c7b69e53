import { describe, expect, test } from 'vitest'
import { makePatience } from '../../../lib/broker/patience.ts'
import { makeManualClock, settle } from '../../support/fakes/manual-clock.ts'
import { makeRecordingLog } from '../../support/fakes/recording-log.ts'

const setUp = () => {
  const clock = makeManualClock()
  const log = makeRecordingLog()
  return { clock, log, patience: makePatience({ clock, log }) }
}

const never = () => new Promise<string>(() => undefined)
const at = (clock: ReturnType<typeof makeManualClock>, ms: number) => async () => {
  await clock.wait(ms)
  return 'answer'
}

describe('the patience with Redis', () => {
  test('gives back what came in time', async () => {
    const { clock, patience } = setUp()
    const answer = patience.start(300).attempt(at(clock, 100))
    await clock.advance(100)
    expect(await answer).toBe('answer')
  })

  test('ends after the budget, and the answer that comes later belongs to nobody', async () => {
    const { clock, log, patience } = setUp()
    const answer = patience.start(300).attempt(at(clock, 301))
    await clock.advance(300)
    expect(await answer).toBeUndefined()
    await clock.advance(100)
    expect(log.of('redis.unavailable')).toEqual([
      { error: 'no answer within 300 ms', effect: 'Postgres serves, the sweep enqueues' },
    ])
  })

  test('is one budget for all that a trigger asks', async () => {
    const { clock, patience } = setUp()
    const budget = patience.start(300)
    const first = budget.attempt(at(clock, 250))
    await clock.advance(250)
    expect(await first).toBe('answer')
    const second = budget.attempt(at(clock, 100))
    await clock.advance(50)
    expect(await second).toBeUndefined()
    expect(await budget.attempt(at(clock, 0))).toBeUndefined()
  })

  test('grows with the jobs', async () => {
    const { clock, patience } = setUp()
    const budget = patience.start(300)
    const answer = budget.attempt(at(clock, 500), 300)
    await clock.advance(500)
    expect(await answer).toBe('answer')
  })

  test('skips Redis for a second after two time-outs, then asks again', async () => {
    const { clock, patience } = setUp()
    for (let n = 0; n < 2; n += 1) {
      const answer = patience.start(300).attempt(never)
      await clock.advance(300)
      expect(await answer).toBeUndefined()
    }
    let asked = 0
    const ask = () => {
      asked += 1
      return Promise.resolve('answer')
    }
    expect(await patience.start(300).attempt(ask)).toBeUndefined()
    await clock.advance(999)
    expect(await patience.start(300).attempt(ask)).toBeUndefined()
    expect(asked).toBe(0)
    await clock.advance(1)
    expect(await patience.start(300).attempt(ask)).toBe('answer')
    expect(asked).toBe(1)
  })

  test('forgets a time-out when an answer comes in between', async () => {
    const { clock, patience } = setUp()
    const lose = async () => {
      const answer = patience.start(300).attempt(never)
      await clock.advance(300)
      return answer
    }
    await lose()
    expect(await patience.start(300).attempt(() => Promise.resolve('answer'))).toBe('answer')
    await lose()
    expect(await patience.start(300).attempt(() => Promise.resolve('answer'))).toBe('answer')
  })

  test('takes a refusal at once, and logs one line for each outage', async () => {
    const { log, patience } = setUp()
    const refuse = () => Promise.reject(new Error('ECONNREFUSED'))
    for (let n = 0; n < 3; n += 1) {
      const answer: unknown = await patience.start(300).attempt<unknown>(refuse)
      expect(answer).toBeUndefined()
    }
    expect(log.of('redis.unavailable')).toHaveLength(1)
    await patience.start(300).attempt(() => Promise.resolve(1))
    expect(log.of('redis.available')).toHaveLength(1)
    await patience.start(300).attempt(refuse)
    expect(log.of('redis.unavailable')).toHaveLength(2)
    await settle()
  })
})

describe('the patience with a dispatcher that is not Redis', () => {
  const dispatcher = { name: 'qstash', budgetMs: 2_000 }

  test('has a budget of its own, whatever Redis has used of its own', async () => {
    const { clock, log } = setUp()
    const patience = makePatience({ clock, log, dispatcher })
    const redis = patience.start(300)
    const lookup = redis.attempt(never)
    await clock.advance(300)
    expect(await lookup).toBeUndefined()
    const handedOver = patience.handOver(redis).attempt(at(clock, 1_999))
    await clock.advance(1_999)
    expect(await handedOver).toBe('answer')
  })

  test('whose silence says nothing about Redis, and is logged by its name', async () => {
    const { clock, log } = setUp()
    const patience = makePatience({ clock, log, dispatcher })
    for (let n = 0; n < 2; n += 1) {
      const handedOver = patience.handOver().attempt(never)
      await clock.advance(2_000)
      expect(await handedOver).toBeUndefined()
    }
    expect(await patience.handOver().attempt(() => Promise.resolve('asked'))).toBeUndefined()
    expect(await patience.start(300).attempt(() => Promise.resolve('asked'))).toBe('asked')
    expect(log.of('redis.unavailable')).toEqual([])
    expect(log.of('qstash.unavailable')).toHaveLength(1)
    await clock.advance(1_000)
    expect(await patience.handOver().attempt(() => Promise.resolve('asked'))).toBe('asked')
    expect(log.of('qstash.available')).toHaveLength(1)
  })

  test('is not there without one: what is left of the budget for Redis is used', async () => {
    const { clock, patience } = setUp()
    const redis = patience.start(300)
    const lookup = redis.attempt(at(clock, 250))
    await clock.advance(250)
    await lookup
    const handedOver = patience.handOver(redis).attempt(at(clock, 100))
    await clock.advance(50)
    expect(await handedOver).toBeUndefined()
    const anew = patience.handOver().attempt(at(clock, 299))
    await clock.advance(299)
    expect(await anew).toBe('answer')
  })
})
