// The rows of the crash table about time: a worker that is frozen, and a receiver that is slower than the timeout.

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitUntil } from '../support/wait.ts'
import { startRig, type Rig } from './rig.ts'

let rig: Rig

beforeAll(async () => {
  rig = await startRig()
  await Promise.all([rig.start('api'), rig.start('sweep')])
})

afterAll(async () => {
  await rig.stop()
})

const isStopped = (pid: number): boolean => / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))

test('row 20: a worker that wakes after its lease, frozen between W4 and W5, sends once too often and no more', async () => {
  await rig.webhooks('row-20')
  const victim = await rig.start('worker', { FAILPOINTS: 'W4=stop@1' })
  await rig.client.trigger('row-20')
  await waitUntil(() => isStopped(victim.pid), { message: 'the worker to freeze' })
  const survivor = await rig.start('worker')
  await rig.waitForStatus('row-20', 'delivered', 1)
  expect((await rig.receiver.waitFor('/row-20', 1)).map(({ attempt }) => attempt)).toEqual([2])

  victim.resume()
  expect((await rig.receiver.waitFor('/row-20', 2)).map(({ attempt }) => attempt)).toEqual([2, 1])
  await victim.waitForLine(/"fenced":true.*attempt\.finished/)
  await rig.settle()
  expect(await rig.verdict('row-20')).toEqual({
    accepted: 1,
    delivered: 1,
    dead: 0,
    lost: 0,
    duplicates: 1,
    late: 1,
    requests: 2,
    violations: [],
  })
  await Promise.all([victim.stop(), survivor.stop()])
})

test('row 20: a worker that wakes after its lease, frozen between W2 and W4, sees that and sends nothing', async () => {
  await rig.webhooks('row-20-early')
  const victim = await rig.start('worker', { FAILPOINTS: 'W3=stop@1' })
  await rig.client.trigger('row-20-early')
  await waitUntil(() => isStopped(victim.pid), { message: 'the worker to freeze' })
  const survivor = await rig.start('worker')
  await rig.waitForStatus('row-20-early', 'delivered', 1)
  victim.resume()
  await victim.waitForLine(/"fenced":true.*attempt\.finished/)
  await rig.settle()
  expect(await rig.verdict('row-20-early')).toEqual({
    accepted: 1,
    delivered: 1,
    dead: 0,
    lost: 0,
    duplicates: 0,
    late: 0,
    requests: 1,
    violations: [],
  })
  await Promise.all([victim.stop(), survivor.stop()])
})

test('row 21: a receiver that acts and answers after the timeout gets one copy for each slow answer', async () => {
  await rig.webhooks('row-21', { behaviour: 'delayMs=1500&slowTimes=2' })
  const worker = await rig.start('worker')
  await rig.client.trigger('row-21')
  await rig.settle()
  expect(await rig.verdict('row-21')).toEqual({
    accepted: 1,
    delivered: 1,
    dead: 0,
    lost: 0,
    duplicates: 2,
    late: 0,
    requests: 3,
    violations: [],
  })
  await worker.stop()
})
