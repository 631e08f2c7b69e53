// The routing table in memory, over a socket and over REST: one suite for all, then what only a real Redis can show.

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RoutingTable } from '../../lib/broker/ports.ts'
import type { SendCommands } from '../../lib/redis/commands.ts'
import { connectRedis } from '../../lib/redis/connect.ts'
import { makeRoutingKeys } from '../../lib/redis/keys.ts'
import { ioredisCommands } from '../../lib/redis/routing-ioredis.ts'
import { makeRoutingTable } from '../../lib/redis/routing-table.ts'
import { upstashCommands } from '../../lib/redis/routing-upstash.ts'
import { makeFakeRoutingTable } from '../support/fakes/routing-table.ts'
import { startUpstashRest, type UpstashRest } from '../support/fakes/upstash-rest.ts'
import { makeMemoryLog, startTestRedis, type TestRedis } from '../support/redis-kit.ts'
import { waitUntil } from '../support/wait.ts'
import { describeRoutingTable } from './routing-table.suite.ts'

const tableOver = (send: SendCommands, prefix = 'broker') =>
  makeRoutingTable(send, makeRoutingKeys(prefix), randomUUID)

const openSocket = async (redis: TestRedis) => {
  const client = connectRedis(redis.url, makeMemoryLog())
  await waitUntil(() => client.status === 'ready', { message: 'the connection' })
  return client
}

describeRoutingTable('in memory (the fake)', () => {
  const table = makeFakeRoutingTable()
  return Promise.resolve({
    table,
    clear: () => {
      table.clear()
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  })
})

describeRoutingTable('over a socket (ioredis)', async () => {
  const redis = await startTestRedis()
  const client = await openSocket(redis)
  return {
    table: tableOver(ioredisCommands(client)),
    clear: async () => {
      await redis.admin.flushall()
    },
    close: async () => {
      client.disconnect()
      await redis.stop()
    },
  }
})

describeRoutingTable('over REST (@upstash/redis)', async () => {
  const redis = await startTestRedis()
  const rest = await startUpstashRest(redis.port)
  return {
    table: tableOver(upstashCommands(rest)),
    clear: async () => {
      await redis.admin.flushall()
    },
    close: async () => {
      await rest.close()
      await redis.stop()
    },
  }
})

describe('one Redis under both doors', () => {
  let redis: TestRedis
  let rest: UpstashRest
  let close: () => void
  let socketTable: RoutingTable
  let restTable: RoutingTable
  let socketSend: SendCommands

  beforeAll(async () => {
    redis = await startTestRedis()
    rest = await startUpstashRest(redis.port)
    const client = await openSocket(redis)
    close = () => client.disconnect()
    socketSend = ioredisCommands(client)
    socketTable = tableOver(socketSend)
    restTable = tableOver(upstashCommands(rest))
  })
  afterAll(async () => {
    close()
    await rest.close()
    await redis.stop()
  })

  it('is written alike: the same keys, types and bytes', async () => {
    const written: unknown[] = []
    for (const table of [socketTable, restTable]) {
      await redis.admin.flushall()
      const change = {
        tenant: 't',
        eventName: 'e',
        webhookUrl: 'http://h/ä?a="1"',
        op: 'add',
      } as const
      await table.apply({ ...change, from: 0, to: 1 })
      await table.rebuild(
        () => Promise.resolve({ tenant: 't', version: 12, urls: new Map([['f', ['1', 'true']]]) }),
        't',
      )
      const keys = (await redis.admin.keys('*')).toSorted()
      const dumps = await Promise.all(
        keys.map(async (key) => (await redis.admin.dumpBuffer(key)).toString('hex')),
      )
      written.push({ keys, dumps, version: await redis.admin.get('broker:{t}:version') })
    }
    expect(written[1]).toEqual(written[0])
    expect(written[0]).toMatchObject({
      keys: ['broker:{t}:event:e', 'broker:{t}:event:f', 'broker:{t}:version'],
      version: '12',
    })
  })

  it('is read by one door as the other wrote it', async () => {
    await redis.admin.flushall()
    const change = { tenant: 't', eventName: 'e', webhookUrl: 'http://h/1', op: 'add' } as const
    await socketTable.apply({ ...change, from: 0, to: 1 })
    await restTable.apply({ ...change, webhookUrl: 'http://h/2', from: 1, to: 2 })
    const seen = await Promise.all([socketTable, restTable].map((table) => table.lookup('t', 'e')))
    expect(seen.map((route) => route?.version)).toEqual([2, 2])
    expect(seen.map((route) => route?.urls.toSorted())).toEqual([
      ['http://h/1', 'http://h/2'],
      ['http://h/1', 'http://h/2'],
    ])
  })

  it('asks for the version and then the set, in one round trip', async () => {
    rest.requests.length = 0
    await restTable.lookup('t', 'e')
    expect(rest.requests).toEqual([
      [
        ['get', 'broker:{t}:version'],
        ['smembers', 'broker:{t}:event:e'],
      ],
    ])
  })

  // A set that was written in several steps could be read half, together with a version that was read before the
  // rebuild began and is still Postgres's own: half of the deliveries would be missing for ever.
  it('never shows half of a set that is being replaced', async () => {
    const sets = ['old', 'new'].map((age) =>
      Array.from({ length: 3_000 }, (_, n) => `http://${age}.example/${n}`),
    )
    const sizes = new Set<string>()
    const watching: SendCommands = async (commands) => {
      const replies = await socketSend(commands)
      const urls = await redis.admin.smembers('broker:{w}:event:e')
      const olds = urls.filter((url) => url.startsWith('http://old.')).length
      sizes.add(`${olds} old, ${urls.length - olds} new`)
      return replies
    }
    const table = tableOver(watching)
    for (const [n, urls] of sets.entries()) {
      await table.rebuild(
        () => Promise.resolve({ tenant: 'w', version: n + 1, urls: new Map([['e', urls]]) }),
        'w',
      )
    }
    expect([...sizes]).toEqual(['0 old, 0 new', '3000 old, 0 new', '0 old, 3000 new'])
  })

  it('frees a tenant whose rebuild was killed, after a minute', async () => {
    const dying = socketTable.rebuild(() => Promise.reject(new Error('killed')), 'dead')
    await expect(dying).rejects.toThrow('killed')
    const ttlMs = await redis.admin.pttl('broker:{dead}:rebuild')
    expect(ttlMs).toBeGreaterThan(55_000)
    expect(ttlMs).toBeLessThanOrEqual(60_000)
    await redis.admin.del('broker:{dead}:rebuild')
    const change = { tenant: 'dead', eventName: 'e', webhookUrl: 'http://h', op: 'add' } as const
    expect(await socketTable.apply({ ...change, from: 0, to: 1 })).toBe(true)
  })
})
