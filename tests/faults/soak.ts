// `npm run soak -- --minutes N --seed S`: F18, load with one or two random faults a minute, then the oracle. The seed
// decides which faults come in which order; it is printed, and a run with the same seed brings the same ones.

import { parseArgs } from 'node:util'
import type { BrokerProcess } from '../support/process.ts'
import { makeDice } from './dice.ts'
import { print } from './print.ts'
import { openFiles, residentMb } from './resources.ts'
import { startRig, type Rig } from './rig.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'per-second': { type: 'string', default: '50' },
  },
})
const minutes = Number(values.minutes)
const seed = Number(values.seed)
const perSecond = Number(values['per-second'])

const FAULT_EVERY_MS = 30_000
const QUIET = { BROKER_LOG_LEVEL: 'warn', BROKER_WORKER_CONCURRENCY: '20' }

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

type Stage = { rig: Rig; workers: BrokerProcess[]; sweep: BrokerProcess; api: BrokerProcess }

/** Each heals by itself. `frozen` counts requests that a worker which wakes may send too late. */
const FAULTS: Record<string, (stage: Stage) => Promise<void>> = {
  'kill -9 a worker': async (stage) => {
    await stage.workers.shift()?.kill9()
    stage.workers.push(await stage.rig.start('worker', QUIET))
  },
  'restart a worker': async (stage) => {
    await stage.workers.shift()?.stop()
    stage.workers.push(await stage.rig.start('worker', QUIET))
  },
  'kill -9 the sweep': async (stage) => {
    await stage.sweep.kill9()
    stage.sweep = await stage.rig.start('sweep', QUIET)
  },
  'kill -9 the API': async (stage) => {
    await stage.api.kill9()
    stage.api = await stage.rig.start('api', QUIET)
  },
  FLUSHALL: async ({ rig }) => {
    await rig.redis.admin.flushall()
  },
  'kill -9 Redis, empty restart': async ({ rig }) => {
    await rig.redis.kill()
    await pass(2_000)
    await rig.redis.startAgain()
  },
  'freeze Redis 5 s': async ({ rig }) => {
    rig.redis.freeze()
    await pass(5_000)
    rig.redis.thaw()
  },
  'kill -9 Postgres, restart': async ({ rig }) => {
    await rig.postgres.kill()
    await pass(1_000)
    await rig.postgres.startAgain()
  },
  'freeze Postgres 5 s': async ({ rig }) => {
    rig.postgres.freeze()
    await pass(5_000)
    rig.postgres.thaw()
  },
  'kill -9 the receiver': async ({ rig }) => {
    await rig.receiver.kill9()
    await pass(500)
    await rig.receiver.startAgain()
  },
  'freeze a worker 4 s': async ({ workers }) => {
    const [worker] = workers
    worker?.pause()
    await pass(4_000)
    worker?.resume()
  },
}

print(`soak: ${minutes} minutes, seed ${seed}, ${perSecond} triggers a second, 2 webhooks`)
const rig = await startRig()
try {
  const [api, sweep, ...workers] = await Promise.all([
    rig.start('api', QUIET),
    rig.start('sweep', QUIET),
    rig.start('worker', QUIET),
    rig.start('worker', QUIET),
  ])
  const stage: Stage = { rig, api, sweep, workers }
  await rig.webhooks('soak', { count: 2, behaviour: 'delayMs=50&failPercent=10' })
  const dice = makeDice(seed)
  const names = Object.keys(FAULTS)
  const endMs = performance.now() + minutes * 60_000
  const load = rig.client.load({
    eventName: 'soak',
    perSecond,
    forMs: minutes * 60_000,
    patienceMs: 120_000,
  })
  while (performance.now() + FAULT_EVERY_MS < endMs) {
    await pass(5_000 + dice(FAULT_EVERY_MS - 5_000))
    const name = names[dice(names.length)] ?? ''
    print(`${new Date().toISOString()} ${name}`)
    await FAULTS[name]?.(stage)
  }
  const acknowledged = await load
  await rig.settle({ timeoutMs: 180_000 })
  const verdict = await rig.verdict('soak')
  const all = [stage.api, stage.sweep, ...stage.workers]
  for (const { pid } of all)
    print(`pid ${pid}: ${residentMb(pid)} MB, ${openFiles(pid)} open files`)
  print(`acknowledged triggers: ${acknowledged.length}`, verdict)
  const sound = verdict.lost === 0 && verdict.violations.length === 0
  print(sound ? `sound (seed ${seed})` : `NOT SOUND (seed ${seed})`)
  process.exitCode = sound ? 0 : 1
} finally {
  await rig.stop()
}
