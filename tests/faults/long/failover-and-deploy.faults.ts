// F4, F12, F19 and row 28: a Redis failover that loses the last second, clocks that are wrong, and a rolling restart.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from '../../../local/services/process.ts'
import { startRedis } from '../../../local/services/redis.ts'
import type { BrokerProcess } from '../../support/process.ts'
import { startProxy } from '../../support/tcp-proxy.ts'
import { waitUntil } from '../../support/wait.ts'
import { print } from '../print.ts'
import { startRig, type Rig } from '../rig.ts'

let rig: Rig

// A timeout that a busy machine does not reach: a late answer makes a copy (row 21), which is not meant here.
const QUIET = { BROKER_LOG_LEVEL: 'warn', BROKER_DELIVERY_TIMEOUT_MS: '5000' }

beforeAll(async () => {
  rig = await startRig()
})

afterAll(async () => {
  await rig.stop()
})

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const WELL = { dead: 0, lost: 0, late: 0, duplicates: 0, violations: [] }

test('F4: a replica that missed the last second is promoted at load: the loss is seen, nothing is lost or sent twice', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'webhook-broker-replica-'))
  const link = await startProxy({ port: rig.redis.port })
  const replica = await startRedis({
    dataDir,
    persistence: 'none',
    settings: ['--replicaof', `127.0.0.1 ${link.port}`],
  })
  const admin = new Redis(replica.url)
  await waitUntil(async () => (await admin.info('replication')).includes('master_link_status:up'))
  // What clients call Redis: an address that moves.
  const target = { port: rig.redis.port }
  const address = await startProxy(target)
  const env = { ...QUIET, REDIS_URL: `redis://127.0.0.1:${address.port}` }
  const processes = await Promise.all([
    rig.start('api', env),
    rig.start('worker', env),
    rig.start('worker', env),
  ])
  const sweep = await rig.start('sweep', env)
  await rig.webhooks('F4', { behaviour: 'delayMs=100&failPercent=20' })
  const load = rig.client.load({ eventName: 'F4', perSecond: 100, forMs: 6_000 })
  await pass(2_000)
  link.blackhole()
  await pass(1_000)
  await rig.redis.kill()
  await admin.replicaof('NO', 'ONE')
  target.port = replica.port
  address.reset()
  address.heal()
  await sweep.waitForLine(/sweep\.redis_lost/)
  const acknowledged = await load
  await waitUntil(
    async () => {
      const [row] = await rig.postgres.sql<{ open: number }>(
        'select count(*)::int as open from deliveries where finished_at is null',
      )
      return row?.open === 0
    },
    { timeoutMs: 60_000, message: 'every delivery to end' },
  )
  const verdict = await rig.verdict('F4')
  print('F4', verdict)
  expect(verdict).toMatchObject(WELL)
  expect(verdict.delivered).toBe(acknowledged.length)
  await Promise.all([...processes, sweep].map((process) => process.stop()))
  admin.disconnect()
  await Promise.all([replica.stop(), link.close(), address.close(), rig.redis.startAgain()])
  rmSync(dataDir, { recursive: true, force: true })
})

/** Node code that moves the clock of a process. */
const skewed = (byMs: number) => {
  const code = `const now=Date.now.bind(Date),Real=Date;globalThis.Date=class extends Real{constructor(...a){if(a.length===0)super(now()+(${byMs}));else super(...a)}static now(){return now()+(${byMs})}}`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` }
}

test.each([600_000, -600_000])(
  'F12 and row 27: API and worker with a clock that is off by %i ms keep leases, retries and signatures',
  async (byMs) => {
    const eventName = `F12${byMs < 0 ? '-behind' : '-ahead'}`
    const [api, worker, sweep] = await Promise.all([
      rig.start('api', skewed(byMs)),
      rig.start('worker', skewed(byMs)),
      rig.start('sweep'),
    ])
    await rig.webhooks(eventName, { count: 10, behaviour: 'failTimes=2&delayMs=700' })
    await rig.client.trigger(eventName)
    await rig.settle()
    expect(await rig.verdict(eventName)).toEqual({
      ...WELL,
      accepted: 10,
      delivered: 10,
      requests: 30,
    })
    const times = rig.receiver
      .lines()
      .filter(({ path }) => path === `/${eventName}`)
      .map(({ atMs }) => atMs)
    // 700 + 200 + 700 + 400 ms lie between the first attempt and the third.
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1_900)
    await Promise.all([api.stop(), worker.stop(), sweep.stop()])
  },
)

/** While a request takes 6 s, every time in the log moves an hour into the past, which is what a clock that jumps does. */
const jumpDuring = async (eventName: string, copies: number) => {
  await rig.webhooks(eventName, { behaviour: 'delayMs=6000&slowTimes=1' })
  await rig.client.trigger(eventName)
  await rig.receiver.waitFor(`/${eventName}`, 1)
  await rig.postgres.sql(
    `update deliveries set lease_until = lease_until - interval '1 hour',
      due_at = due_at - interval '1 hour', next_attempt_at = next_attempt_at - interval '1 hour'
     where event_name = $1`,
    [eventName],
  )
  await rig.receiver.waitFor(`/${eventName}`, copies)
}

test('row 28: a database clock that jumps ahead ends the lease of a request on the wire: the lock of its job still holds', async () => {
  const slow = { BROKER_DELIVERY_TIMEOUT_MS: '8000' }
  const processes = await Promise.all([
    rig.start('api'),
    rig.start('worker', slow),
    rig.start('worker', slow),
    rig.start('sweep'),
  ])
  await jumpDuring('row-28', 1)
  await rig.settle()
  expect(await rig.verdict('row-28')).toEqual({
    ...WELL,
    accepted: 1,
    delivered: 1,
    requests: 1,
  })
  await Promise.all(processes.map((process) => process.stop()))
})

test('row 28: the same beside a worker that delivers straight from Postgres: one duplicate', async () => {
  const slow = { BROKER_DELIVERY_TIMEOUT_MS: '8000' }
  const [api, worker, sweep] = await Promise.all([
    rig.start('api'),
    rig.start('worker', slow),
    rig.start('sweep'),
  ])
  await rig.webhooks('row-28-warm')
  await rig.client.trigger('row-28-warm')
  await rig.receiver.waitFor('/row-28-warm', 1)
  const jump = jumpDuring('row-28-direct', 2)
  await rig.receiver.waitFor('/row-28-direct', 1)
  const direct = await rig.start('worker', { REDIS_URL: `redis://127.0.0.1:${await freePort()}` })
  await jump
  await rig.settle()
  expect(await rig.verdict('row-28-direct')).toEqual({
    ...WELL,
    accepted: 1,
    delivered: 1,
    duplicates: 1,
    requests: 2,
  })
  await Promise.all([api, worker, sweep, direct].map((process) => process.stop()))
})

test('F19: workers restarted one after the other with SIGTERM at 150 triggers a second: exit 0, no duplicate', async () => {
  const start = () => rig.start('worker', QUIET)
  const [api, sweep] = await Promise.all([rig.start('api', QUIET), rig.start('sweep', QUIET)])
  let workers: BrokerProcess[] = await Promise.all([start(), start()])
  await rig.webhooks('F19', { behaviour: 'delayMs=150&failPercent=5' })
  const load = rig.client.load({ eventName: 'F19', perSecond: 150, forMs: 12_000 })
  for (let restart = 0; restart < 5; restart += 1) {
    await pass(1_000)
    const [oldest, ...others] = workers
    const next = await start()
    expect(await oldest?.stop()).toEqual({ code: 0, signal: null })
    workers = [...others, next]
  }
  const acknowledged = await load
  await rig.settle()
  const verdict = await rig.verdict('F19')
  print('F19', verdict)
  expect(verdict).toMatchObject(WELL)
  expect(verdict.delivered).toBe(acknowledged.length)
  const [unknown] = await rig.postgres.sql<{ count: number }>(
    `select count(*)::int as count from attempts a join deliveries d on d.id = a.delivery_id
     where d.event_name = 'F19' and a.outcome = 'unknown'`,
  )
  expect(unknown).toEqual({ count: 0 })
  await Promise.all([api, sweep, ...workers].map((process) => process.stop()))
})
