// F6: a worker that has the answers and cannot reach Postgres, for a moment and for good.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { startProxy } from '../../support/tcp-proxy.ts'
import { LEASE_MS, startRig, type Rig } from '../rig.ts'
import { useWorkers } from '../workers.ts'

let rig: Rig
const workers = useWorkers()

beforeAll(async () => {
  rig = await startRig()
  await Promise.all([rig.start('api'), rig.start('sweep')])
})

afterAll(async () => {
  await rig.stop()
})

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const WELL = { dead: 0, lost: 0, late: 0, violations: [] }

/** Ten answers arrive at a worker that cannot reach Postgres: for so long, or for good when that is over the lease. */
const cutOffWith = async (eventName: string, forMs: number) => {
  const proxy = await startProxy({ port: rig.postgres.port })
  const url = new URL(rig.postgres.url)
  url.port = String(proxy.port)
  await rig.webhooks(eventName, { count: 10, behaviour: 'delayMs=400&slowTimes=1' })
  workers.push(await rig.start('worker', { DATABASE_URL: url.href }))
  await rig.client.trigger(eventName)
  await rig.receiver.waitFor(`/${eventName}`, 10)
  proxy.blackhole()
  if (forMs > LEASE_MS) {
    // It never comes back: another worker must get what it holds.
    workers.push(await rig.start('worker'))
    await rig.receiver.waitFor(`/${eventName}`, 20, forMs)
  } else {
    await pass(forMs)
    proxy.heal()
  }
  await rig.settle()
  const verdict = await rig.verdict(eventName)
  proxy.heal()
  await proxy.close()
  return verdict
}

test('F6: a worker that is cut off from Postgres after ten answers, for less than the lease: no duplicate', async () => {
  expect(await cutOffWith('F6-short', 700)).toEqual({
    ...WELL,
    accepted: 10,
    delivered: 10,
    duplicates: 0,
    requests: 10,
  })
})

test('F6: a worker that is cut off from Postgres after ten answers, for good: one duplicate each', async () => {
  expect(await cutOffWith('F6-long', 60_000)).toEqual({
    ...WELL,
    accepted: 10,
    delivered: 10,
    duplicates: 10,
    requests: 20,
  })
})
