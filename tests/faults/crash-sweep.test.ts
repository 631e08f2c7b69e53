// Row 26 of the crash table: a sweep that dies in any of its steps, and two sweeps at once. Fifty accepted deliveries
// that no queue has heard of stand before each.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../local/services/process.ts'
import { waitUntil } from '../support/wait.ts'
import { startRig, type Rig } from './rig.ts'

let rig: Rig

beforeAll(async () => {
  rig = await startRig()
  // An API that finds no Redis: it accepts, and nothing is enqueued.
  await rig.start('api', { REDIS_URL: `redis://127.0.0.1:${await freePort()}` })
})

afterAll(async () => {
  await rig.stop()
})

const acceptFifty = async (eventName: string) => {
  await rig.webhooks(eventName, { count: 50 })
  await rig.client.trigger(eventName)
}

/** Sweeps until all fifty have been added. @returns how many were added in all */
const sweepUntilAdded = async (already = 0) => {
  let requeued = already
  await waitUntil(
    async () => {
      requeued += (await rig.sweepOnce())?.requeued ?? 0
      return requeued >= 50
    },
    { message: 'fifty re-adds' },
  )
  return requeued
}

const deliver = async (eventName: string) => {
  const [worker, sweep] = await Promise.all([rig.start('worker'), rig.start('sweep')])
  await rig.settle()
  await Promise.all([worker.stop(), sweep.stop()])
  return rig.verdict(eventName)
}

const FIFTY = {
  accepted: 50,
  delivered: 50,
  dead: 0,
  lost: 0,
  late: 0,
  duplicates: 0,
  requests: 50,
  violations: [],
}

test('row 26: a sweep that dies after S1 (due times pushed) leaves the re-add to a later one', async () => {
  await acceptFifty('S1')
  expect(await rig.sweepOnce({ FAILPOINTS: 'S1=kill@1' })).toBeUndefined()
  expect(await sweepUntilAdded()).toBe(50)
  expect(await deliver('S1')).toEqual(FIFTY)
})

test('row 26: a sweep that dies after S2 (an emptied Redis just noticed) leaves the repair to the next one', async () => {
  await acceptFifty('S2')
  await rig.redis.admin.flushall()
  expect(await rig.sweepOnce({ FAILPOINTS: 'S2=kill@1' })).toBeUndefined()
  expect(await deliver('S2')).toEqual(FIFTY)
})

test('row 26: a sweep that dies in the middle of the repair of an emptied Redis is followed by one that repairs', async () => {
  await acceptFifty('S1-of-repair')
  await rig.redis.admin.flushall()
  expect(await rig.sweepOnce({ FAILPOINTS: 'S1=kill@1' })).toBeUndefined()
  expect(await rig.sweepOnce()).toMatchObject({ redisLost: true })
  expect(await rig.sweepOnce()).toMatchObject({ redisLost: false })
  expect(await deliver('S1-of-repair')).toEqual(FIFTY)
})

test('row 26: a sweep that dies after S3 (jobs added) has done its work; the next one adds nothing twice', async () => {
  await acceptFifty('S3')
  await waitUntil(
    async () => {
      const [row] = await rig.postgres.sql<{ due: number }>(
        'select count(*)::int as due from deliveries where finished_at is null and due_at <= now()',
      )
      return row?.due === 50
    },
    { message: 'fifty due deliveries' },
  )
  expect(await rig.sweepOnce({ FAILPOINTS: 'S3=kill@1' })).toBeUndefined()
  expect(await rig.sweepOnce()).toMatchObject({ requeued: 0 })
  expect(await deliver('S3')).toEqual(FIFTY)
})

test('row 26: a sweep that dies after S4 (retention) has done its work', async () => {
  await acceptFifty('S4')
  expect(await rig.sweepOnce({ FAILPOINTS: 'S4=kill@1' })).toBeUndefined()
  expect(await deliver('S4')).toEqual(FIFTY)
})

test('F14: two sweeps at once add every missing job once between them', async () => {
  await acceptFifty('twice')
  let requeued = 0
  await waitUntil(
    async () => {
      const both = await Promise.all([rig.sweepOnce(), rig.sweepOnce()])
      requeued += both.reduce((sum, summary) => sum + (summary?.requeued ?? 0), 0)
      return requeued > 0
    },
    { message: 'the re-adds' },
  )
  expect(requeued).toBe(50)
  expect(await deliver('twice')).toEqual(FIFTY)
})
