// The Redis that `npm start`, the tests and the benchmark start for themselves: a real binary, on a port of its own.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { answers } from '../../local/services/process.ts'
import { findRedis, startRedis, type RedisServer } from '../../local/services/redis.ts'
import { startProcess, type BrokerProcess } from '../support/process.ts'
import { canConnect, groupOf, outsideAddress } from '../support/process-facts.ts'
import { startReceiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'

let folder: string
const stops: (() => Promise<unknown>)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'webhook-broker-services-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const stop of stops.splice(0).reverse()) await stop()
  rmSync(folder, { recursive: true, force: true })
})

const clientOf = (url: string): Redis => {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null })
  redis.on('error', () => undefined)
  stops.push(() => {
    redis.disconnect()
    return Promise.resolve()
  })
  return redis
}

const redisIn = async (
  dataDir: string,
  persistence: 'aof' | 'none' = 'aof',
): Promise<RedisServer> => {
  const server = await startRedis({ dataDir, persistence })
  stops.push(server.stop)
  return server
}

/** A process that owns a Redis in the folder, as a broker does. */
const redisOwner = async (persistence: 'aof' | 'none') => {
  const owner: BrokerProcess = await startProcess({
    script: 'tests/support/own-redis.ts',
    args: [join(folder, 'redis'), persistence],
  })
  stops.push(owner.kill9)
  const [, pid = 0, port = 0] = (await owner.waitForLine(/^redis \d+ \d+$/)).split(' ').map(Number)
  // An orphan that nobody took over would outlive the run.
  stops.push(() =>
    clientOf(`redis://127.0.0.1:${port}`)
      .shutdown('NOSAVE')
      .catch(() => undefined),
  )
  return { owner, pid, port }
}

test('Redis writes every second into its folder, evicts nothing, and is reached from this machine alone', async () => {
  const server = await redisIn(join(folder, 'redis'))
  const redis = clientOf(server.url)

  expect(server.port).not.toBe(6379)
  expect(server.url).toBe(`redis://127.0.0.1:${server.port}`)
  expect(await redis.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction'])
  expect(await redis.config('GET', 'appendonly')).toEqual(['appendonly', 'yes'])
  expect(await redis.config('GET', 'appendfsync')).toEqual(['appendfsync', 'everysec'])
  expect(await redis.config('GET', 'dir')).toEqual(['dir', join(folder, 'redis')])
  const address = outsideAddress()
  if (address !== undefined) expect(await canConnect(address, server.port)).toBe(false)
  expect(await canConnect('127.0.0.1', server.port)).toBe(true)
})

test('Redis keeps its data over a stop with an append-only file, and forgets them without', async () => {
  for (const [persistence, kept] of [
    ['aof', 'here'],
    ['none', null],
  ] as const) {
    const first = await redisIn(join(folder, persistence), persistence)
    await clientOf(first.url).set('key', 'here')
    await first.stop()
    expect(await answers(first.port)).toBe(false)
    const second = await redisIn(join(folder, persistence), persistence)
    expect(await clientOf(second.url).get('key')).toBe(kept)
  }
})

test('the Redis of a broker that was killed with -9 is ended by the next one, which has its data', async () => {
  const { owner, pid, port } = await redisOwner('aof')
  await clientOf(`redis://127.0.0.1:${port}`).set('key', 'here')
  await owner.kill9()
  expect(await answers(port)).toBe(true)

  const server = await redisIn(join(folder, 'redis'))

  expect(server.pid).not.toBe(pid)
  expect(server.port === port || !(await answers(port))).toBe(true)
  expect(await clientOf(server.url).get('key')).toBe('here')
})

test('the Redis of a test run that was killed with -9 dies with it', async () => {
  const { owner, port } = await redisOwner('none')
  expect(await answers(port)).toBe(true)
  await owner.kill9()
  await waitUntil(async () => !(await answers(port)), { message: 'the Redis to end' })
})

test('the Redis of a broker that lives is left alone, and the refusal names the broker', async () => {
  const { owner, port } = await redisOwner('aof')

  await expect(redisIn(join(folder, 'redis'))).rejects.toThrow(
    `the data folder is in use by process ${owner.pid}; stop it, or set BROKER_DATA_DIR to another folder`,
  )

  expect(await clientOf(`redis://127.0.0.1:${port}`).ping()).toBe('PONG')
})

test("a stranger's Redis on the port that the last one had is left alone", async () => {
  const stranger = await redisIn(join(folder, 'stranger'), 'none')
  const first = await redisIn(join(folder, 'redis'))
  await first.stop()
  writeFileSync(join(folder, 'redis', 'server.json'), JSON.stringify({ port: stranger.port }))

  const server = await redisIn(join(folder, 'redis'))

  expect(server.port).not.toBe(stranger.port)
  expect(await clientOf(stranger.url).ping()).toBe('PONG')
})

test('a note about the last Redis that was cut off in the writing is no obstacle', async () => {
  const first = await redisIn(join(folder, 'redis'))
  await first.stop()
  writeFileSync(join(folder, 'redis', 'server.json'), '{"port":6')
  const server = await redisIn(join(folder, 'redis'))
  expect(await clientOf(server.url).ping()).toBe('PONG')
})

// A Ctrl-C went to the whole foreground group: Redis was gone before the broker had told it of its last deliveries.
test("a server of ours is no part of the terminal's foreground group", async () => {
  const server = await redisIn(join(folder, 'redis'))
  expect(groupOf(server.pid)).toBe(server.pid)
})

test('a Redis whose port is taken fails with what it printed', async () => {
  const taken = await startReceiver()
  stops.push(taken.close)
  await expect(
    startRedis({ dataDir: join(folder, 'redis'), persistence: 'none', port: taken.port }),
  ).rejects.toThrow(/^redis-server did not start:\n[^]*Address already in use/)
})

test('a REDIS_SERVER_BIN that does not exist is named', async () => {
  vi.stubEnv('REDIS_SERVER_BIN', '/nowhere/redis-server')
  await expect(redisIn(join(folder, 'redis'))).rejects.toThrow(
    'redis-server did not start:\nspawn /nowhere/redis-server ENOENT',
  )
})

/** A PATH with nothing on it but what records how it was called. */
const recordingPath = (...names: string[]) => {
  const calls = join(folder, 'calls')
  writeFileSync(calls, '')
  for (const name of names) {
    const script = `#!/bin/sh\necho "${name} $* RUNLEVEL=$RUNLEVEL" >> ${calls}\n`
    writeFileSync(join(folder, name), script, { mode: 0o755 })
  }
  vi.stubEnv('PATH', folder)
  return () =>
    readFileSync(calls, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
}

test('without a Redis on the machine, the advice is the command of the platform', () => {
  vi.stubEnv('BROKER_NO_INSTALL', '1')
  const calls = recordingPath('apt-get')
  expect(findRedis()).toEqual({
    advice: 'no redis-server found: sudo apt-get install redis-server (or set REDIS_URL)',
  })
  // BROKER_NO_INSTALL=1 was heard; the next test shows that a call would be seen.
  expect(calls()).toEqual([])
})

test.runIf(process.getuid?.() === 0)(
  'as root on a machine with apt-get, Redis is installed, announced, and not started as a service',
  () => {
    const calls = recordingPath('apt-get')
    const announced: string[] = []
    // The recorder installs nothing, so in the end there is still only advice.
    expect(findRedis((line) => announced.push(line))).toEqual({
      advice: 'no redis-server found: sudo apt-get install redis-server (or set REDIS_URL)',
    })
    expect(announced).toEqual([
      'installing redis-server with apt-get (BROKER_NO_INSTALL=1 prevents it)',
    ])
    expect(calls()).toEqual([
      'apt-get -qq update RUNLEVEL=1',
      'apt-get -qq install -y --no-install-recommends redis-server RUNLEVEL=1',
    ])
  },
)
