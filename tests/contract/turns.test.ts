// Turns given out by a real Redis to several workers, and by a process alone while Redis is away.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Redis } from 'ioredis'
import { makePatience } from '../../lib/broker/patience.ts'
import { makeTurns } from '../../lib/broker/turns.ts'
import type { SharedTurns } from '../../lib/broker/ports.ts'
import { makeSharedTurns } from '../../lib/queue/limits/turns.ts'
import { makeQueueNames } from '../../lib/queue/names.ts'
import { connectQueue } from '../../lib/queue/options.ts'
import { systemClock } from '../../lib/wiring/runtime.ts'
import { makeManualClock } from '../support/fakes/manual-clock.ts'
import { makeMemoryLog, startTestRedis, type TestRedis } from '../support/redis-kit.ts'
import { waitUntil } from '../support/wait.ts'

const log = makeMemoryLog()
const names = makeQueueNames('turns')
const TEN = { limit: 10, perSeconds: 1 }
let redis: TestRedis
let connection: Redis
let workers: SharedTurns[]
let webhooks = 0

beforeAll(async () => {
  redis = await startTestRedis('none')
  connection = connectQueue(redis.url, 'commands', log)
  await waitUntil(() => connection.status === 'ready', { message: 'a connection' })
  workers = ['a', 'b', 'c', 'd'].map((id) => makeSharedTurns(connection, names, id))
})
afterAll(async () => {
  connection.disconnect()
  await redis.stop()
})

const fresh = () => `wh_${(webhooks += 1)}`
const takeAll = (webhookId: string, count: number, claimed = false) =>
  Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const { turn } = await (workers[index % 4] ?? fail()).take(webhookId, TEN, claimed)
      return turn
    }),
  )
const fail = (): never => {
  throw new Error('no such worker')
}

describe('shared turns', () => {
  test('are given out to four workers one after the other, then they are sent away', async () => {
    const turns = await takeAll(fresh(), 8)
    const now = turns.filter(({ kind }) => kind === 'now').map(({ waitMs }) => waitMs)
    const later = turns.filter(({ kind }) => kind === 'later').map(({ waitMs }) => waitMs)
    // The first in 100 ms, the second 100 ms after it; a third only if the eight took their time to ask.
    expect(now.length).toBeGreaterThanOrEqual(1)
    expect(now.length).toBeLessThanOrEqual(3)
    expect(now[0]).toBeCloseTo(100, 0)
    const distances = later.slice(1).map((waitMs, index) => waitMs - (later[index] ?? 0))
    // 100 ms and a little less than that, minus what passed between the questions.
    expect(Math.max(...distances)).toBeLessThanOrEqual(96)
    expect(later.at(-1) ?? 0).toBeGreaterThan(450)
  })

  test('of one webhook are not those of another', async () => {
    const first = fresh()
    await takeAll(first, 8)
    const { turn } = await (workers[0] ?? fail()).take(fresh(), TEN, false)
    expect(turn).toEqual({ kind: 'now', waitMs: 100 })
  })

  test('say how many workers ask', async () => {
    await takeAll(fresh(), 4)
    expect((await (workers[0] ?? fail()).take(fresh(), TEN, false)).workers).toBe(4)
  })

  test('are taken at any distance by who has claimed', async () => {
    const turns = await takeAll(fresh(), 8, true)
    expect(turns.map(({ kind }) => kind)).toEqual(Array(8).fill('now'))
    expect(turns.at(-1)?.waitMs).toBeGreaterThan(550)
  })

  test('of a limit that was changed begin anew', async () => {
    const webhookId = fresh()
    const once = { limit: 1, perSeconds: 3_000 }
    await (workers[0] ?? fail()).take(webhookId, once, false)
    const sent = await (workers[1] ?? fail()).take(webhookId, once, false)
    expect(sent.turn.kind).toBe('later')
    expect(sent.turn.waitMs).toBeGreaterThan(2_900_000)
    const { turn } = await (workers[2] ?? fail()).take(webhookId, TEN, false)
    expect(turn.kind).toBe('now')
  })

  test('are gone with the webhook: nothing is kept for ever', async () => {
    const webhookId = fresh()
    await takeAll(webhookId, 4)
    const ttlMs = await connection.pttl(names.turns(webhookId))
    expect(ttlMs).toBeGreaterThan(0)
    expect(ttlMs).toBeLessThan(62_000)
    expect(await connection.pttl(names.turnWorkers)).toBeGreaterThan(0)
  })
})

describe('the turns of a process', () => {
  test('come from Redis, and are its own share of the limit while that is away', async () => {
    const clock = makeManualClock()
    let away = false
    const shared: SharedTurns = {
      take: (...given) =>
        away ? Promise.reject(new Error('away')) : (workers[0] ?? fail()).take(...given),
    }
    const patience = makePatience({ clock: systemClock, log })
    const turns = makeTurns({ shared, patience, clock })
    const webhookId = fresh()
    await takeAll(webhookId, 4)
    expect((await turns.take(fresh(), TEN)).kind).toBe('now')
    away = true
    // Four workers were seen: 2.5 a second are left for this one.
    expect(await turns.take(webhookId, TEN, true)).toEqual({ kind: 'now', waitMs: 0 })
    expect(await turns.take(webhookId, TEN, true)).toEqual({ kind: 'now', waitMs: 400 })
  })

  test('are the whole limit where there never was a Redis', async () => {
    const clock = makeManualClock()
    const patience = makePatience({ clock, log })
    const turns = makeTurns({ shared: undefined, patience, clock })
    expect(await turns.take('wh_1', TEN)).toEqual({ kind: 'now', waitMs: 100 })
    expect(await turns.take('wh_1', TEN)).toEqual({ kind: 'now', waitMs: 200 })
    expect(await turns.take('wh_1', TEN)).toEqual({ kind: 'later', waitMs: 300 })
  })
})
