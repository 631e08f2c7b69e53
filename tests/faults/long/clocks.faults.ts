// F12 and row 28: clocks that are wrong, and one that jumps.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../../local/services/process.ts'
import { startRig, type Rig } from '../rig.ts'

let rig: Rig

beforeAll(async () => {
  rig = await startRig()
})

afterAll(async () => {
  await rig.stop()
})

const WELL = { dead: 0, lost: 0, late: 0, duplicates: 0, violations: [] }

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
