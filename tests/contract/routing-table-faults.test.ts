// A routing table whose Redis is away, silent or of another kind: it says so soon, and nothing hangs.

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Redis } from 'ioredis'
import type { RoutingTable } from '../../lib/broker/ports.ts'
import { describeError } from '../../lib/logger.ts'
import type { SendCommands } from '../../lib/redis/commands.ts'
import { connectRedis } from '../../lib/redis/connect.ts'
import { makeRoutingKeys } from '../../lib/redis/keys.ts'
import { ioredisCommands } from '../../lib/redis/routing-ioredis.ts'
import { makeRoutingTable } from '../../lib/redis/routing-table.ts'
import { upstashCommands } from '../../lib/redis/routing-upstash.ts'
import { settle } from '../support/fakes/manual-clock.ts'
import { startUpstashRest } from '../support/fakes/upstash-rest.ts'
import { makeMemoryLog, startTestRedis, type TestRedis } from '../support/redis-kit.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { waitUntil } from '../support/wait.ts'

const tableOver = (send: SendCommands): RoutingTable =>
  makeRoutingTable(send, makeRoutingKeys('broker'), randomUUID)

const SECRET_URL = 'http://h.example/hook/TOKEN-1?key=TOKEN-2'

const firstChange = {
  tenant: 't',
  eventName: 'e',
  webhookUrl: SECRET_URL,
  op: 'add',
  from: 0,
  to: 1,
} as const

const failureOf = async (work: Promise<unknown>) => {
  const startedMs = performance.now()
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { error, tookMs: performance.now() - startedMs }
}

let redis: TestRedis
let client: Redis
let table: RoutingTable
const log = makeMemoryLog()

beforeEach(async () => {
  log.lines.length = 0
  redis = await startTestRedis()
  client = connectRedis(redis.url, log)
  table = tableOver(ioredisCommands(client))
  await waitUntil(() => client.status === 'ready', { message: 'the connection' })
})

afterEach(async () => {
  client.disconnect()
  await redis.stop()
})

describe('over a socket', () => {
  it('refuses at once while Redis is away, tells it once, and goes on when Redis is back', async () => {
    await redis.kill()
    await waitUntil(() => client.status !== 'ready', { message: 'the loss' })
    const { error, tookMs } = await failureOf(table.lookup('t', 'e'))
    expect(error).toMatchObject({ name: 'BrokerError', code: 'queue_unavailable' })
    expect(tookMs).toBeLessThan(100)
    await redis.startAgain()
    await waitUntil(() => client.status === 'ready', { message: 'the connection again' })
    expect(await table.apply(firstChange)).toBe(true)
    expect(log.events()).toEqual(['redis.connection_lost', 'redis.connection_back'])
  })

  it('gives up after a second when Redis does not answer', async () => {
    redis.freeze()
    const { error, tookMs } = await failureOf(table.lookup('t', 'e'))
    redis.thaw()
    expect(error).toMatchObject({ code: 'queue_unavailable' })
    expect(tookMs).toBeGreaterThan(900)
    expect(tookMs).toBeLessThan(1_500)
  })

  // A function that was frozen finds its socket dead only when it writes to it.
  it('repeats a command whose connection turned out to be dead', async () => {
    const proxy = await startProxy({ port: redis.port })
    const frozen = connectRedis(`redis://127.0.0.1:${proxy.port}`, log)
    await waitUntil(() => frozen.status === 'ready', { message: 'the connection' })
    proxy.blackhole()
    const applied = tableOver(ioredisCommands(frozen)).apply(firstChange)
    // Written to the dead connection by now: a turn of the event loop sends what is queued.
    await settle()
    proxy.heal()
    expect(await applied).toBe(true)
    frozen.disconnect()
    await proxy.close()
  })

  it('refuses a set that is no set, instead of believing something else', async () => {
    await redis.admin.set('broker:{t}:version', '1')
    await redis.admin.set('broker:{t}:event:e', 'not a set')
    expect((await failureOf(table.lookup('t', 'e'))).error).toMatchObject({
      code: 'queue_unavailable',
    })
  })

  it('takes a version that is no number for none', async () => {
    await redis.admin.set('broker:{t}:version', 'abc')
    expect(await table.lookup('t', 'e')).toBeUndefined()
    expect(await table.versions(['t'])).toEqual([undefined])
  })
})

describe('over REST', () => {
  it('names neither URLs nor the token when a command fails', async () => {
    const rest = await startUpstashRest(redis.port)
    const wrong = tableOver(upstashCommands({ url: rest.url, token: 'TOKEN-3' }))
    const { error } = await failureOf(wrong.apply(firstChange))
    await rest.close()
    expect(error).toMatchObject({ code: 'queue_unavailable' })
    expect(describeError(error)).toBe(
      'queue_unavailable: Redis did not carry out a command <- UpstashError',
    )
  })

  it('fails when any command of a round trip fails', async () => {
    const rest = await startUpstashRest(redis.port)
    await redis.admin.set('broker:{t}:version', '1')
    await redis.admin.set('broker:{t}:event:e', 'not a set')
    const { error } = await failureOf(tableOver(upstashCommands(rest)).lookup('t', 'e'))
    await rest.close()
    expect(error).toMatchObject({ code: 'queue_unavailable' })
  })

  it('refuses at once when nothing listens', async () => {
    const rest = await startUpstashRest(redis.port)
    await rest.close()
    const { error, tookMs } = await failureOf(tableOver(upstashCommands(rest)).lookup('t', 'e'))
    expect(error).toMatchObject({ code: 'queue_unavailable' })
    expect(tookMs).toBeLessThan(500)
  })

  it('gives up after its timeout when the service takes the connection and says nothing', async () => {
    const silent = createServer()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
    const { error, tookMs } = await failureOf(
      tableOver(upstashCommands({ url, token: 't', timeoutMs: 200 })).lookup('t', 'e'),
    )
    silent.close()
    expect(error).toMatchObject({ code: 'queue_unavailable' })
    expect(tookMs).toBeGreaterThan(150)
    expect(tookMs).toBeLessThan(1_000)
  })
})
