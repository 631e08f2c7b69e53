// F4 and F19: a Redis failover that loses the last second, and a rolling restart.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
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
