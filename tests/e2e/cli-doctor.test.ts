// `webhook-broker doctor` with a broker, a Redis and a Postgres that have each of the faults that it looks for.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { lookAtBroker } from '../../cli/doctor/look-at-broker.ts'
import { lookAtStores } from '../../cli/doctor/look-at-stores.ts'
import { loadConfig } from '../../lib/config.ts'
import { startRedis } from '../../local/services/redis.ts'
import { KEY, KEYS, startApi, type TestApi } from '../support/api-kit.ts'
import { makeCli, type Cli } from '../support/cli.ts'
import { startReceiver } from '../support/receiver.ts'

type Finding = { check: string; verdict: string; found: string; advice?: string }

let api: TestApi
let cli: Cli

beforeAll(async () => {
  api = await startApi()
  cli = await makeCli({ BROKER_URL: api.url, BROKER_API_KEY: KEY })
})
afterAll(async () => {
  await api.close()
  cli.remove()
})

const SECRET_KEY = Buffer.alloc(32, 7).toString('base64')

/** The environment of the broker's own processes. */
const storesEnv = () => ({
  DATABASE_URL: api.schema.url,
  REDIS_URL: inject('redisUrl'),
  BROKER_API_KEYS: KEY,
  BROKER_SECRET_KEY: SECRET_KEY,
})

const diagnose = async (env: Record<string, string> = {}) => {
  const { code, stdout } = await cli.run(['doctor', '--json'], { env })
  const { healthy, findings } = JSON.parse(stdout) as { healthy: boolean; findings: Finding[] }
  return {
    code,
    healthy,
    of: (check: string) => findings.find((finding) => finding.check === check),
    checks: findings.map(({ check }) => check),
  }
}

it('finds a sound broker sound, as JSON and as a table, with exit code 0', async () => {
  await api.call('POST', '/api/v0/webhooks', {
    json: { eventName: 'sealed', webhookUrl: 'http://127.0.0.1:4000/hook' },
  })
  await api.sweep()
  // The Postgres of the tests does without fsync, which the doctor must not overlook.
  const sound = await diagnose(storesEnv())
  expect(sound.checks).toEqual([
    'broker',
    'broker clock',
    'key',
    'audit',
    'keys',
    'schedule',
    'postgres',
    'postgres clock',
    'migrations',
    'secret key',
    'sweep',
    'backlog',
    'redis',
  ])
  expect(sound.checks.filter((check) => sound.of(check)?.verdict !== 'ok')).toEqual(['postgres'])
  expect(sound.of('postgres')).toMatchObject({ verdict: 'fail', advice: 'set fsync to on' })

  expect(sound.of('key')?.found).toBe('is good')

  const { code, stdout, stderr } = await cli.run(['doctor'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^OK {4}broker {8}http:\/\/127\.0\.0\.1:\d+ is ready$/m)
  expect(stdout).toMatch(/^SKIP {2}stores /m)
})

it('finds a broker that does not answer, and something that is no broker', async () => {
  const other = await startReceiver({ answer: 200 })
  expect((await diagnose({ BROKER_URL: other.url })).of('broker')).toMatchObject({
    verdict: 'fail',
    found: `${other.url}/readyz was answered 200: is this the broker?`,
  })
  await other.close()
  const away = await diagnose({ BROKER_URL: other.url })
  expect(away).toMatchObject({ code: 1, healthy: false })
  expect(away.of('broker')).toMatchObject({ verdict: 'fail' })
  expect(away.of('broker')?.found).toContain(`${other.url} does not answer`)
})

it('does not praise a key that nobody asked for', async () => {
  const open = await startApi({ BROKER_AUTH: 'off', BROKER_API_KEYS: undefined })
  const finding = (await diagnose({ BROKER_URL: open.url })).of('key')
  expect(finding).toEqual({ check: 'key', verdict: 'ok', found: 'none is asked for' })
  await open.close()
})

it('finds a key that is missing, unknown, or may not read', async () => {
  expect((await diagnose({ BROKER_API_KEY: '' })).of('key')).toMatchObject({
    verdict: 'fail',
    found: 'the broker asks for a key, and BROKER_API_KEY is not set',
  })
  expect((await diagnose({ BROKER_API_KEY: 'nonsense' })).of('key')).toMatchObject({
    verdict: 'fail',
    found: 'the broker does not know the key in BROKER_API_KEY',
  })
  expect((await diagnose({ BROKER_API_KEY: KEYS.trigger })).of('key')?.verdict).toBe('warn')
})

it('finds a clock that is off: of the broker and of Postgres, by a clock of the test', async () => {
  const late = () => Date.now() - 120_000
  const broker = await lookAtBroker({ baseUrl: api.url, apiKey: KEY, nowMs: late })
  const clock = broker.find(({ check }) => check === 'broker clock')
  expect(clock?.verdict).toBe('fail')
  expect(clock?.found).toMatch(/^1(19|20) s ahead of the clock of this machine$/)

  const loaded = () => loadConfig(storesEnv(), 'start')
  const stores = await lookAtStores({ loadConfig: loaded, nowMs: () => Date.now() + 8_000 })
  expect(stores.find(({ check }) => check === 'postgres clock')).toMatchObject({
    verdict: 'warn',
    found: '8 s behind the clock of this machine',
  })
})

it('finds a Redis that evicts, and one that is away', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'webhook-broker-doctor-'))
  const redis = await startRedis({
    dataDir,
    persistence: 'none',
    settings: ['--maxmemory-policy', 'allkeys-lru'],
  })
  const evicting = await diagnose({ ...storesEnv(), REDIS_URL: redis.url })
  expect(evicting.code).toBe(1)
  expect(evicting.of('redis')).toMatchObject({
    verdict: 'fail',
    found: 'maxmemory-policy is allkeys-lru: a full Redis would drop jobs',
  })
  await redis.stop()
  expect((await diagnose({ ...storesEnv(), REDIS_URL: redis.url })).of('redis')).toMatchObject({
    verdict: 'fail',
    found: expect.stringContaining('does not answer') as string,
  })
  rmSync(dataDir, { recursive: true, force: true })
})

it('finds a Postgres that does not answer, and never prints its password', async () => {
  const closed = await startReceiver()
  await closed.close()
  const url = `postgres://broker:hunter2@127.0.0.1:${closed.port}/postgres`
  const { code, stdout, stderr } = await cli.run(['doctor'], {
    env: { ...storesEnv(), DATABASE_URL: url },
  })
  expect(code).toBe(1)
  expect(stdout).toMatch(/^FAIL {2}postgres +DATABASE_URL does not answer/m)
  expect(stdout + stderr).not.toContain('hunter2')
})

it('finds missing migrations, and changes nothing', async () => {
  const admin = new pg.Client({ connectionString: inject('databaseUrl') })
  await admin.connect()
  await admin.query('create schema doctor_empty')
  const search = encodeURIComponent('-c search_path=doctor_empty')
  const { code, of } = await diagnose({
    ...storesEnv(),
    DATABASE_URL: `${inject('databaseUrl')}?options=${search}`,
  })
  expect(code).toBe(1)
  expect(of('migrations')).toMatchObject({ verdict: 'fail', advice: 'npm run migrate' })
  expect(of('migrations')?.found).toMatch(/^missing: 0001-initial/)
  const { rows } = await admin.query(
    "select table_name from information_schema.tables where table_schema = 'doctor_empty'",
  )
  expect(rows).toEqual([])
  await admin.query('drop schema doctor_empty cascade')
  await admin.end()
})

it('finds a secret key that is missing, or another one than the secrets were sealed with', async () => {
  const other = Buffer.alloc(32, 8).toString('base64')
  expect(
    (await diagnose({ ...storesEnv(), BROKER_SECRET_KEY: other })).of('secret key'),
  ).toMatchObject({ verdict: 'fail' })
  const both = await diagnose({ ...storesEnv(), BROKER_SECRET_KEY: `${other},${SECRET_KEY}` })
  expect(both.of('secret key')).toMatchObject({ verdict: 'ok' })
})

it('finds a configuration that no process would start with, and a schedule that gives up early', async () => {
  const faulty = await diagnose({ ...storesEnv(), BROKER_RETRY_JITTER: '7' })
  expect(faulty.of('configuration')).toMatchObject({
    verdict: 'fail',
    found: expect.stringContaining('BROKER_RETRY_JITTER must be a number from 0 to 1') as string,
  })
  const short = await diagnose({ ...storesEnv(), BROKER_RETRY_SCHEDULE: '5s,30s' })
  expect(short.of('schedule')).toMatchObject({ verdict: 'warn', found: '3 attempts within 35 s' })
})
