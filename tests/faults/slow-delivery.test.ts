// O-QUEUE-2: a request takes about as long as it may. Elsewhere a lock that was shorter made a second worker run the same
// job, and after some stalls the queue ended it as failed, with attempts left. That the lock outlives the longest attempt
// is tests/integration/queue-worker.test.ts.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BrokerProcess } from '../support/process.ts'
import { startRig, type Rig } from './rig.ts'
import { useWorkers } from './workers.ts'

const LONG = { timeout: 120_000 }
// The receiver answers a second before the timeout.
const SLOW = { BROKER_DELIVERY_TIMEOUT_MS: '2000' }
const BEHAVIOUR = 'delayMs=1000'

let rig: Rig
const workers = useWorkers()

beforeAll(async () => {
  rig = await startRig({ env: SLOW })
  await Promise.all([rig.start('api'), rig.start('sweep')])
})

afterAll(async () => {
  await rig.stop()
})

const startWorker = async (): Promise<BrokerProcess> => {
  const worker = await rig.start('worker')
  workers.push(worker)
  return worker
}

const DELIVERED = { accepted: 1, delivered: 1, dead: 0, lost: 0, late: 0, violations: [] }

const idsAt = (path: string) =>
  new Set(
    rig.receiver
      .lines()
      .filter((line) => line.path === path)
      .map(({ deliveryId }) => deliveryId),
  )

test(
  'a worker frozen in mid-request for longer than its lock: another one sends once more, under the same id',
  LONG,
  async () => {
    await rig.webhooks('slow-frozen', { behaviour: BEHAVIOUR })
    const frozen = await startWorker()
    await rig.client.trigger('slow-frozen')
    await rig.receiver.waitFor('/slow-frozen', 1)
    frozen.pause()
    await startWorker()
    await rig.waitForStatus('slow-frozen', 'delivered', 1)
    frozen.resume()
    await rig.settle()
    expect(await rig.verdict('slow-frozen')).toEqual({ ...DELIVERED, duplicates: 1, requests: 2 })
    expect(idsAt('/slow-frozen').size).toBe(1)
  },
)

test(
  'three workers killed in a row in mid-request of one delivery: it is made all the same, and never failed',
  LONG,
  async () => {
    await rig.webhooks('slow-killed', { behaviour: BEHAVIOUR })
    await rig.client.trigger('slow-killed')
    for (let request = 1; request <= 3; request += 1) {
      const victim = await rig.start('worker')
      await rig.receiver.waitFor('/slow-killed', request)
      await victim.kill9()
    }
    await startWorker()
    await rig.settle()
    expect(await rig.verdict('slow-killed')).toEqual({ ...DELIVERED, duplicates: 3, requests: 4 })
    expect(idsAt('/slow-killed').size).toBe(1)
    const attempts = await rig.postgres.sql<{ outcome: string }>(
      `select a.outcome from attempts a join deliveries d on d.id = a.delivery_id
       where d.event_name = 'slow-killed' order by a.number`,
    )
    expect(attempts.map(({ outcome }) => outcome)).toEqual([
      'unknown',
      'unknown',
      'unknown',
      'succeeded',
    ])
  },
)
