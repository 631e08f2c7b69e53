// The Postgres that the tests and the benchmark start for themselves: real binaries, on a port of its own.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findPostgres, startPostgres } from '../../local/services/postgres.ts'
import { answers } from '../../local/services/process.ts'
import { canConnect, groupOf, outsideAddress, userOf } from '../support/process-facts.ts'

let folder: string
const stops: (() => Promise<unknown>)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'webhook-broker-services-'))
  // The server runs as another user and must reach its folder.
  chmodSync(folder, 0o755)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const stop of stops.splice(0).reverse()) await stop()
  rmSync(folder, { recursive: true, force: true })
})

const one = async (url: string, statement: string): Promise<unknown> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  // A server that is killed takes the connection along.
  client.on('error', () => undefined)
  try {
    const { rows } = await client.query<{ value: unknown }>(statement)
    return rows[0]?.value
  } finally {
    await client.end()
  }
}

test('Postgres keeps what was committed over a stop and over kill -9, and has the settings it was given', async () => {
  const dataDir = join(folder, 'postgres')
  const first = await startPostgres({ dataDir, fsync: true, settings: ['max_connections=33'] })
  stops.push(first.stop)
  expect(await one(first.url, "select current_setting('fsync') as value")).toBe('on')
  expect(await one(first.url, "select current_setting('max_connections') as value")).toBe('33')
  await one(first.url, 'create table kept as select 1 as value')
  await first.stop()
  expect(await answers(first.port)).toBe(false)

  const second = await startPostgres({ dataDir, fsync: true })
  stops.push(second.stop)
  expect(await one(second.url, 'select value from kept')).toBe(1)
  await one(second.url, 'update kept set value = 2')
  await second.kill()

  const third = await startPostgres({ dataDir, fsync: true, port: second.port })
  stops.push(third.stop)
  expect(third.url).toBe(second.url)
  expect(await one(third.url, 'select value from kept')).toBe(2)
})

test('Postgres runs as nobody important, in its own group, and is reached from this machine alone', async () => {
  const server = await startPostgres({ dataDir: join(folder, 'postgres'), fsync: false })
  stops.push(server.stop)
  expect(await one(server.url, "select current_setting('fsync') as value")).toBe('off')
  expect(userOf(server.pid)).not.toBe('0')
  expect(groupOf(server.pid)).toBe(server.pid)
  const address = outsideAddress()
  if (address !== undefined) expect(await canConnect(address, server.port)).toBe(false)
  expect(await canConnect('127.0.0.1', server.port)).toBe(true)
})

test('Postgres is found where Debian puts it, though it is not on PATH', () => {
  vi.stubEnv('PATH', folder)
  vi.stubEnv('BROKER_NO_INSTALL', '1')
  const found = findPostgres()
  expect(found).toEqual({
    bin: expect.stringMatching(/^\/usr\/lib\/postgresql\/\d+\/bin$/) as string,
  })
})
