// What a soak plays on: an API, a sweep and two workers that reach their stores through proxies, and two webhooks, one of
// them behind a proxy. It says what they hold; it brings no fault.

import type { BrokerProcess } from '../support/process.ts'
import { startProxy, type Proxy } from '../support/tcp-proxy.ts'
import { SECRET } from './receiver-process.ts'
import { comeBack, heldBy } from './resources.ts'
import type { Env, Rig } from './rig.ts'

export type Stage = {
  rig: Rig
  /** On top of the rig's environment: through the proxies. */
  env: Env
  api: BrokerProcess
  sweep: BrokerProcess
  workers: BrokerProcess[]
  /** Before the stores, as the broker sees them, and before one of the two webhooks. */
  redisLink: Proxy
  postgresLink: Proxy
  receiverLink: Proxy
  /** Closes the proxies, which else keep this process alive; the rest is the rig's. */
  close(): Promise<void>
}

export const CONCURRENCY = 20
const BEHAVIOUR = 'delayMs=50&failPercent=10'

/** Starts the processes, led through proxies to their stores, and registers both webhooks of one event. */
export const openStage = async (rig: Rig, eventName: string): Promise<Stage> => {
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
  const close = async () => {
    await Promise.all([redisLink, postgresLink, receiverLink].map((link) => link.close()))
  }
  const stage = { rig, env, api, sweep, workers, redisLink, postgresLink, receiverLink, close }
  await registerBoth(stage, eventName)
  return stage
}

/** Two webhooks: one is reached directly, the other one through a proxy. */
const registerBoth = async ({ rig, receiverLink }: Stage, eventName: string) => {
  await rig.webhooks(eventName, { behaviour: BEHAVIOUR })
  const url = `http://127.0.0.1:${receiverLink.port}/${eventName}?webhook=behind-a-proxy&${BEHAVIOUR}`
  await rig.client.register(eventName, url, SECRET)
}

export const held = ({ api, sweep, workers: [worker] }: Stage) => ({
  api: heldBy(api.pid),
  sweep: heldBy(sweep.pid),
  worker: heldBy(worker?.pid ?? 0),
})

/** I7: what the processes hold now, all of them again as little as their kind did before the first fault. */
export const resourcesComeBack = (
  { api, sweep, workers }: Stage,
  before: ReturnType<typeof held>,
) =>
  comeBack([
    { name: 'api', pid: api.pid, before: before.api },
    { name: 'sweep', pid: sweep.pid, before: before.sweep },
    ...workers.map(({ pid }, n) => ({ name: `worker ${n + 1}`, pid, before: before.worker })),
  ])
