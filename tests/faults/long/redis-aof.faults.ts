// F2 on a Redis that keeps an append-only file (everysec, as `npm start` does): killed, it comes back with its jobs; after
// a power cut it comes back without the last second, which is a roll-back and not an empty Redis.

import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BrokerProcess } from '../../support/process.ts'
import { print } from '../print.ts'
import { startRig, PREFIX, type Rig } from '../rig.ts'

// A timeout that a busy machine does not reach: a late answer makes a copy (row 21), which is not meant here.
const QUIET = { BROKER_LOG_LEVEL: 'warn', BROKER_DELIVERY_TIMEOUT_MS: '5000' }

let rig: Rig
let sweep: BrokerProcess

beforeAll(async () => {
  rig = await startRig({ persistence: 'aof' })
  ;[sweep] = await Promise.all([rig.start('sweep', QUIET), rig.start('api', QUIET)])
})

afterAll(async () => {
  await rig.stop()
})

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const WELL = { dead: 0, lost: 0, late: 0, duplicates: 0, violations: [] }

const incarnation = async () => Number(await rig.redis.admin.get(`${PREFIX}:incarnation`))

const lossesSeen = () => sweep.lines.filter((line) => line.includes('sweep.redis_lost')).length

/** The file to which Redis appends at the moment. */
const appendOnlyFile = async (): Promise<string> => {
  const [, dir = ''] = await rig.redis.admin.config('GET', 'dir')
  const folder = join(dir, 'appendonlydir')
  const names = readdirSync(folder).filter((name) => name.endsWith('.incr.aof'))
  expect(names).toHaveLength(1)
  return join(folder, names[0] ?? '')
}

test('F2 with an append-only file: a Redis that is killed with waiting jobs comes back with them, and no loss is seen', async () => {
  await rig.webhooks('aof-waiting', { count: 50 })
  await rig.client.trigger('aof-waiting')
  const waiting = () => rig.redis.admin.llen(`{${PREFIX}}:deliveries:wait`)
  expect(await waiting()).toBe(50)
  const before = await incarnation()
  await rig.redis.kill()
  await rig.redis.startAgain()
  expect(await waiting()).toBe(50)
  expect(await incarnation()).toBeGreaterThanOrEqual(before)
  const worker = await rig.start('worker', QUIET)
  await rig.settle()
  expect(lossesSeen()).toBe(0)
  expect(await rig.verdict('aof-waiting')).toEqual({
    ...WELL,
    accepted: 50,
    delivered: 50,
    requests: 50,
  })
  await worker.stop()
})

test('F2 with an append-only file: killed with -9 every 4 s for 12 s at 100 triggers a second, nothing is lost or twice', async () => {
  await rig.webhooks('aof-load', { behaviour: 'delayMs=20' })
  const workers = await Promise.all([rig.start('worker', QUIET), rig.start('worker', QUIET)])
  const startedMs = Date.now()
  const load = rig.client.load({ eventName: 'aof-load', perSecond: 100, forMs: 12_000 })
  for (let kill = 0; kill < 3; kill += 1) {
    await pass(3_500)
    await rig.redis.kill()
    await pass(500)
    await rig.redis.startAgain()
  }
  const acknowledged = await load
  await rig.settle()
  const verdict = await rig.verdict('aof-load')
  print('F2, append-only file', verdict, `losses seen: ${lossesSeen()}`)
  const answers = rig.client.answers.filter(({ atMs }) => atMs >= startedMs)
  expect(answers.filter(({ status }) => status !== 202)).toEqual([])
  expect(lossesSeen()).toBe(0)
  expect(verdict).toEqual({
    ...WELL,
    accepted: acknowledged.length,
    delivered: acknowledged.length,
    requests: acknowledged.length,
  })
  await Promise.all(workers.map((worker) => worker.stop()))
})

test('row 17: an append-only file without its last seconds is a roll-back: it is seen, nothing is lost or sent twice', async () => {
  await rig.webhooks('aof-cut', { behaviour: 'delayMs=100&failPercent=20' })
  const workers = await Promise.all([rig.start('worker', QUIET), rig.start('worker', QUIET)])
  const load = rig.client.load({ eventName: 'aof-cut', perSecond: 100, forMs: 5_000 })
  await pass(1_500)
  const file = await appendOnlyFile()
  const bytes = statSync(file).size
  await pass(1_500)
  await rig.redis.kill()
  expect(statSync(file).size).toBeGreaterThan(bytes)
  truncateSync(file, bytes)
  await rig.redis.startAgain()
  await sweep.waitForLine(/sweep\.redis_lost/)
  const acknowledged = await load
  await rig.settle()
  const verdict = await rig.verdict('aof-cut')
  print('row 17, append-only file cut', verdict)
  expect(verdict).toMatchObject({ ...WELL, delivered: acknowledged.length })
  await Promise.all(workers.map((worker) => worker.stop()))
})
