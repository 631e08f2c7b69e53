// The mark of the kick over a socket and over REST: who may invoke the drain, and who must not.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KickMark } from '../../lib/broker/ports.ts'
import { connectRedis } from '../../lib/redis/connect.ts'
import { kickKey } from '../../lib/redis/keys.ts'
import { makeKickMark } from '../../lib/redis/kick-mark.ts'
import { ioredisCommands } from '../../lib/redis/routing-ioredis.ts'
import { upstashCommands } from '../../lib/redis/routing-upstash.ts'
import { startUpstashRest, type UpstashRest } from '../support/fakes/upstash-rest.ts'
import { makeMemoryLog, startTestRedis, type TestRedis } from '../support/redis-kit.ts'
import { waitUntil } from '../support/wait.ts'

let redis: TestRedis
let rest: UpstashRest
let client: ReturnType<typeof connectRedis>
beforeAll(async () => {
  redis = await startTestRedis()
  rest = await startUpstashRest(redis.port)
  client = connectRedis(redis.url, makeMemoryLog())
  await waitUntil(() => client.status === 'ready', { message: 'the connection' })
})
afterAll(async () => {
  client.disconnect()
  await rest.close()
  await redis.stop()
})
beforeEach(async () => {
  await redis.admin.flushall()
})

const DOORS: [string, () => KickMark][] = [
  ['a socket', () => makeKickMark(ioredisCommands(client), kickKey('broker'))],
  ['REST', () => makeKickMark(upstashCommands(rest), kickKey('broker'))],
]

describe.each(DOORS)('the mark over %s', (_name, open) => {
  it('is set by exactly one of many', async () => {
    const mark = open()
    const tokens = Array.from({ length: 100 }, (_, n) => `token-${n}`)
    const answers = await Promise.all(tokens.map((token) => mark.set(token)))
    expect(answers.filter(Boolean)).toHaveLength(1)
    expect(await redis.admin.keys('*')).toEqual(['broker:kick'])
  })

  it('ends by itself after 30 seconds', async () => {
    await open().set('a')
    const ttlMs = await redis.admin.pttl('broker:kick')
    expect(ttlMs).toBeGreaterThan(25_000)
    expect(ttlMs).toBeLessThanOrEqual(30_000)
  })

  // A client repeats a command whose answer was lost: it must not take its own mark for another's.
  it('that was set is set for the same token again, and only for it', async () => {
    const mark = open()
    expect([await mark.set('a'), await mark.set('a'), await mark.set('b')]).toEqual([
      true,
      true,
      false,
    ])
  })

  it('is taken back by whoever set it, and by nobody else', async () => {
    const mark = open()
    await mark.set('a')
    await mark.withdraw('b')
    expect(await mark.set('b')).toBe(false)
    await mark.withdraw('a')
    expect(await mark.set('b')).toBe(true)
  })

  it('is cleared by the drain, whoever set it, also when none stands', async () => {
    const mark = open()
    await mark.set('a')
    await mark.clear()
    await mark.clear()
    expect(await mark.set('b')).toBe(true)
  })
})

describe('the doors', () => {
  it('see each other’s mark', async () => {
    const [socket, overRest] = DOORS.map(([, open]) => open())
    await socket?.set('a')
    expect(await overRest?.set('b')).toBe(false)
    await overRest?.clear()
    expect(await socket?.set('b')).toBe(true)
  })

  it('reject with a code while Redis is away', async () => {
    await redis.kill()
    const outcomes = await Promise.allSettled(DOORS.map(([, open]) => open().set('a')))
    await redis.startAgain()
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ reason: { code: 'queue_unavailable' } })
    }
  })
})
