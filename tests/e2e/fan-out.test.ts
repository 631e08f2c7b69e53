// One event, a thousand webhooks: one statement, one pipeline, a thousand deliveries. On a Postgres and a Redis of its
// own, because every statement and every command is counted here.

import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPostgres, type PostgresServer } from '../../local/services/postgres.ts'
import { startProcess, type BrokerProcess } from '../support/process.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { startTestRedis, type TestRedis } from '../support/redis-kit.ts'
import { randomPrefix } from '../support/schema.ts'
import { waitUntil } from '../support/wait.ts'
import { makeClient, type Client } from './client.ts'
import { startRedisGate, type RedisGate } from './redis-gate.ts'
import { SHORT, startRole, urlOf } from './support.ts'

const COUNT = 1_000
// Of at most 250 jobs each.
const SCRIPTS = 4

let folder: string
let postgres: PostgresServer
let redis: TestRedis
let gate: RedisGate
let receiver: Receiver
let api: BrokerProcess
let client: Client
let watcher: pg.Client
let migrated: string[]
const processes: BrokerProcess[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'webhook-broker-fan-out-'))
  // The server runs as another user and must reach its folder.
  chmodSync(folder, 0o755)
  const settings = [
    'logging_collector=on',
    `log_directory=${join(folder, 'postgres')}`,
    'log_filename=statements.log',
    'log_statement=all',
    'log_line_prefix=%a|',
  ]
  ;[postgres, redis, receiver] = await Promise.all([
    startPostgres({ dataDir: join(folder, 'postgres'), fsync: false, settings }),
    startTestRedis(),
    startReceiver(),
  ])
  gate = await startRedisGate(redis.port)
  const env = {
    ...SHORT,
    // A sweep that asks while the backlog is worked off would send statements of its own, none of them the API's.
    BROKER_SWEEP_GRACE_MS: '30000',
    DATABASE_URL: postgres.url,
    REDIS_URL: `redis://127.0.0.1:${gate.port}`,
    BROKER_KEY_PREFIX: randomPrefix(),
  }
  const migrate = await startProcess({ script: 'local/migrate.ts', env })
  expect(await migrate.exited).toEqual({ code: 0, signal: null })
  migrated = migrate.lines
  api = await startRole('api', env)
  processes.push(api, await startRole('worker', { ...env, REDIS_URL: redis.url }))
  client = makeClient(() => urlOf(api))
  watcher = new pg.Client({ connectionString: postgres.url })
  await watcher.connect()
})

afterAll(async () => {
  await Promise.all(processes.map((each) => each.kill9()))
  await watcher.end()
  gate.close()
  await Promise.all([receiver.close(), redis.stop(), postgres.stop()])
  rmSync(folder, { recursive: true, force: true })
})

/** Everything that the API has sent to Postgres between two marks, as Postgres logged it. */
const statementsOf = async (run: () => Promise<void>): Promise<string[]> => {
  const mark = async (name: string) => {
    await watcher.query(`select 'mark ${name}'`)
    // A process of its own writes the file.
    await waitUntil(() => log().includes(`mark ${name}`), { message: 'the log of Postgres' })
  }
  const log = () => readFileSync(join(folder, 'postgres', 'statements.log'), 'utf8')
  await mark('before')
  await run()
  await mark('after')
  const between = log().split('mark before')[1]?.split('mark after')[0] ?? ''
  return between
    .split('\n')
    .filter((line) => /^webhook-broker-api\|LOG: {2}(?:execute|statement)/.test(line))
}

test('a thousand webhooks of one event cost one statement, one pipeline, and all get it', async () => {
  expect(migrated).toEqual([expect.stringContaining('applied 0001-initial')])
  // One after the other: changes that commit together may reach the routing table in another order, which it refuses, and a
  // trigger that finds it behind asks Postgres twice until the next sweep.
  for (let n = 0; n < COUNT; n += 1) await client.register('wide', `${receiver.url}/hook/${n}`)
  let messageId = ''
  gate.holdUntil(SCRIPTS)

  const statements = await statementsOf(async () => {
    const accepted = await client.trigger('wide', { body: '{"to":"all"}' })
    expect(accepted.deliveries).toBe(COUNT)
    messageId = accepted.messageId
  })

  expect(statements).toHaveLength(1)
  // Not one script was answered before the fourth was sent.
  await waitUntil(() => gate.scripts === SCRIPTS, { message: 'a pipeline of a thousand jobs' })
  const requests = await receiver.waitFor(COUNT, { timeoutMs: 20_000 })
  expect(new Set(requests.map(({ url }) => url)).size).toBe(COUNT)
  const delivered = await waitUntil(async () => {
    const found = await client.deliveriesOf(messageId)
    return found.every(({ status }) => status === 'delivered') && found
  })
  expect(delivered).toHaveLength(COUNT)
  expect(receiver.received).toHaveLength(COUNT)
})
