// The queue is fed up to a mark, and asked for its depth rarely.

import { beforeEach, describe, expect, test } from 'vitest'
import { makeHighWater, type HighWater } from '../../../lib/queue/limits/high-water.ts'
import { makeManualClock, type ManualClock } from '../../support/fakes/manual-clock.ts'

let clock: ManualClock
let depth: number
let asked: number
let added: number
let full: number[]
let water: HighWater

beforeEach(() => {
  clock = makeManualClock()
  depth = 0
  asked = 0
  added = 0
  full = []
  water = makeHighWater({
    enqueue: (jobs) => {
      added += jobs.length
      depth += jobs.length
      return Promise.resolve()
    },
    depth: () => {
      asked += 1
      return Promise.resolve(depth)
    },
    limit: 1_000,
    clock,
    onFull: (found) => full.push(found),
  })
})

const feed = async (count: number) => {
  for (let n = 0; n < count; n += 1) await water.feed([{ deliveryId: `dlv_${n}`, delayMs: 0 }])
}

describe('the high-water mark', () => {
  test('costs one question for every tenth of it', async () => {
    await feed(101)
    // The first one, after the first job: 99 were left then.
    expect({ added, asked }).toEqual({ added: 101, asked: 1 })
    await clock.advance(1_000)
    await feed(100)
    expect({ added, asked }).toEqual({ added: 201, asked: 2 })
  })

  test('costs one question a minute where little is added', async () => {
    for (let minute = 0; minute < 3; minute += 1) {
      await feed(2)
      await clock.advance(60_000)
    }
    expect({ added, asked }).toEqual({ added: 6, asked: 3 })
  })

  test('is where adding ends, and it goes on when the queue is shorter', async () => {
    depth = 994
    await feed(20)
    expect({ added, asked, full }).toEqual({ added: 6, asked: 1, full: [] })
    await clock.advance(1_000)
    await feed(20)
    expect({ added, full }).toEqual({ added: 6, full: [1_000] })
    expect(await water.isFull()).toBe(true)
    depth = 400
    await clock.advance(1_000)
    await feed(20)
    expect(added).toBe(26)
    expect(await water.isFull()).toBe(false)
  })

  test('is told of once a minute', async () => {
    depth = 1_000
    for (let second = 0; second < 60; second += 1) {
      await feed(1)
      await clock.advance(1_000)
    }
    expect({ added, full }).toEqual({ added: 1, full: [1_001] })
    await feed(1)
    expect(full).toEqual([1_001, 1_001])
  })
})
