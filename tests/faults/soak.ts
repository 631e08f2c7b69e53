// `npm run soak -- --minutes N --seed S`: F18, load with one or two random faults a minute, then the oracle. The seed
// decides which faults come in which order; it is printed, and a run with the same seed brings the same ones.

import { parseArgs } from 'node:util'
import { startProxy } from '../support/tcp-proxy.ts'
import { makeDice } from './dice.ts'
import type { Verdict } from './oracle.ts'
import { print } from './print.ts'
import { SECRET } from './receiver-process.ts'
import { comeBack, heldBy } from './resources.ts'
import { startRig, type Rig } from './rig.ts'
import { FAULTS, FREEZE_A_WORKER, type Stage } from './soak-faults.ts'

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
const LEAST_PAUSE_MS = 5_000
const WARM_UP_MS = 5_000
const SETTLE_MS = 180_000
const CONCURRENCY = 20
const BEHAVIOUR = 'delayMs=50&failPercent=10'

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** The processes, led through proxies to their stores. */
const openStage = async (rig: Rig): Promise<Stage> => {
  const [redisLink, postgresLink, receiverLink] = await Promise.all([
    startProxy({ port: rig.redis.port }),
    startProxy({ port: rig.postgres.port }),
    startProxy({ port: Number(new URL(rig.receiver.url).port) }),
  ])
  const database = new URL(rig.postgres.url)
  database.port = String(postgresLink.port)
  const env = {
    BROKER_LOG_LEVEL: 'warn',
    BROKER_WORKER_CONCURRENCY: String(CONCURRENCY),
    REDIS_URL: `redis://127.0.0.1:${redisLink.port}`,
    DATABASE_URL: database.href,
  }
  const [api, sweep, ...workers] = await Promise.all([
    rig.start('api', env),
    rig.start('sweep', env),
    rig.start('worker', env),
    rig.start('worker', env),
  ])
  return { rig, env, api, sweep, workers, redisLink, postgresLink, receiverLink }
}

/** Two webhooks: one is reached directly, the other one through a proxy. */
const registerBoth = async ({ rig, receiverLink }: Stage) => {
  await rig.webhooks('soak', { behaviour: BEHAVIOUR })
  const url = `http://127.0.0.1:${receiverLink.port}/soak?webhook=behind-a-proxy&${BEHAVIOUR}`
  await rig.client.register('soak', url, SECRET)
}

const held = ({ api, sweep, workers: [worker] }: Stage) => ({
  api: heldBy(api.pid),
  sweep: heldBy(sweep.pid),
  worker: heldBy(worker?.pid ?? 0),
})

/** I7: what the processes hold now, all of them again as little as their kind did before the first fault. */
const resourcesComeBack = ({ api, sweep, workers }: Stage, before: ReturnType<typeof held>) =>
  comeBack([
    { name: 'api', pid: api.pid, before: before.api },
    { name: 'sweep', pid: sweep.pid, before: before.sweep },
    ...workers.map(({ pid }, n) => ({ name: `worker ${n + 1}`, pid, before: before.worker })),
  ])

/** Faults until the time is over. @returns how often each of them came */
const playFaults = async (stage: Stage, endMs: number): Promise<Record<string, number>> => {
  const dice = makeDice(seed)
  const names = Object.keys(FAULTS)
  const played: Record<string, number> = {}
  while (performance.now() + FAULT_EVERY_MS < endMs) {
    await pass(LEAST_PAUSE_MS + dice(FAULT_EVERY_MS - LEAST_PAUSE_MS))
    const name = names[dice(names.length)] ?? ''
    print(`${new Date().toISOString()} ${name}`)
    await FAULTS[name]?.(stage)
    played[name] = (played[name] ?? 0) + 1
  }
  return played
}

/** I4: what came after a success was on record can only be the requests of workers that were frozen. */
const isSound = ({ lost, late, violations }: Verdict, played: Record<string, number>) =>
  lost === 0 && violations.length === 0 && late <= (played[FREEZE_A_WORKER] ?? 0) * CONCURRENCY

/** For whoever has to find out why a delivery does not end. */
const printOpen = async ({ postgres, redis }: Rig) => {
  print(
    'still open',
    await postgres.sql(
      `select d.webhook_id, d.status, d.parked, d.released, d.attempt_count as attempts, d.probes, count(*)::int as count,
        min(extract(epoch from d.next_attempt_at - now())::int) as next_s, min(extract(epoch from d.due_at - now())::int) as due_s,
        min(extract(epoch from d.lease_until - now())::int) as lease_s, min(d.id) as first
       from deliveries d where d.finished_at is null group by 1, 2, 3, 4, 5, 6 order by count desc limit 20`,
    ),
    await postgres.sql('select * from webhook_health'),
    await redis.admin.keys('*deliveries*'),
  )
}

print(`soak: ${minutes} minutes, seed ${seed}, ${perSecond} triggers a second, 2 webhooks`)
const rig = await startRig()
try {
  const stage = await openStage(rig)
  await registerBoth(stage)
  await rig.client.load({ eventName: 'soak', perSecond, forMs: WARM_UP_MS })
  await rig.settle()
  const before = held(stage)
  print('before', before)
  const endMs = performance.now() + minutes * 60_000
  const load = rig.client.load({
    eventName: 'soak',
    perSecond,
    forMs: minutes * 60_000,
    patienceMs: 120_000,
  })
  const played = await playFaults(stage, endMs)
  const acknowledged = await load
  const loadedMs = performance.now()
  await rig.settle({ timeoutMs: SETTLE_MS }).catch(async (error: unknown) => {
    await printOpen(rig)
    throw error
  })
  print(`settled ${Math.round(performance.now() - loadedMs)} ms after the load`)
  const verdict = await rig.verdict('soak')
  print('played', played)
  print(`acknowledged triggers: ${acknowledged.length}`, verdict)
  print('after', await resourcesComeBack(stage, before))
  const sound = isSound(verdict, played)
  print(sound ? `sound (seed ${seed})` : `NOT SOUND (seed ${seed})`)
  process.exitCode = sound ? 0 : 1
} finally {
  await rig.stop()
}
