// Everything that a run needs, each in a process of its own: servers, receiver, load, the broker's API and workers, and the
// bare queue that the broker is compared with.

import { startChild, type Child } from './child.ts'
import { startServices, type Services } from './services.ts'
import type { Parts } from './accounting.ts'

export type StageOptions = {
  workers: number
  /** Attempts at once, of each worker. */
  concurrency: number
  /** The Node of the broker and of the bare queue; receiver and load keep that of the benchmark. */
  node?: string | undefined
  compiled?: string | undefined
  /** NODE_OPTIONS of what is measured. */
  nodeOptions: string
  logLevel: string
}

export type Stage = {
  services: Services
  receiver: Child
  receiverUrl: string
  client: Child
  api: Child
  workers: Child[]
  /** Brings back what the queue has lost, as everywhere. */
  sweep: Child
  bare: { producer: Child; workers: Child[] }
  /** The API. */
  origin: string
  headers: Record<string, string>
  /** What the broker's processes have printed last: warnings and errors. */
  said(): string
  /** More workers, from the moment at which they take jobs. */
  startWorkers(count: number): Promise<void>
  stopWorkers(): Promise<void>
  stop(): Promise<void>
}

export const KEY = 'bench-key-0123456789abcdef'
export const PREFIX = 'bench'
const READY = /^webhook-broker (?:api |worker |sweep )?ready/

/** What the broker is started with; everything else is as it comes. */
export const brokerEnv = (logLevel: string): Record<string, string> => ({
  BROKER_API_KEYS: KEY,
  BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
  BROKER_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
  BROKER_LOG_LEVEL: logLevel,
  BROKER_KEY_PREFIX: PREFIX,
  PORT: '0',
})

export const HEADERS = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }

/** `http://127.0.0.1:…` as a process printed it. */
export const printedUrl = ({ lines }: Child): string =>
  /ready on (http:\/\/[\w.:]+)/.exec(lines.join('\n'))?.[1] ?? ''

export const startStage = async (options: StageOptions): Promise<Stage> => {
  const { node, compiled, nodeOptions, logLevel } = options
  const all: Child[] = []
  const start = async (script: string, env: Record<string, string> = {}, readyLine = /^ready/) => {
    const measured = script.startsWith('local/') || script.includes('/bare-')
    const child = await startChild({
      script,
      args: script === 'local/sweep.ts' ? ['--every'] : [],
      env: measured ? { ...env, NODE_OPTIONS: nodeOptions } : env,
      readyLine,
      ...(measured ? { node, compiled } : {}),
    })
    all.push(child)
    return child
  }
  const services = await startServices()
  const urls = { REDIS_URL: services.redis.url, DATABASE_URL: services.postgres.url }
  const slots = String(options.concurrency)
  const env = { ...urls, ...brokerEnv(logLevel), BROKER_WORKER_CONCURRENCY: slots }
  const workers: Child[] = []
  const startWorkers = async (count: number) => {
    await Promise.all(
      Array.from({ length: count }, async () => {
        workers.push(await start('local/worker.ts', env, READY))
      }),
    )
  }
  const stop = async () => {
    await Promise.all(all.map((child) => child.stop()))
    await services.stop()
  }
  try {
    const many = (count: number, startOne: () => Promise<Child>) =>
      Promise.all(Array.from({ length: count }, startOne))
    const [receiver, client, api, sweep, producer, bareWorkers] = await Promise.all([
      start('bench/processes/receiver.ts'),
      start('bench/processes/client.ts'),
      start('local/api.ts', env, READY),
      start('local/sweep.ts', env, READY),
      start('bench/processes/bare-producer.ts', urls),
      many(options.workers, () =>
        start('bench/processes/bare-worker.ts', { ...urls, CONCURRENCY: slots }),
      ),
      startWorkers(options.workers),
    ])
    const bare = { producer, workers: bareWorkers }
    return {
      services,
      receiver,
      receiverUrl: printedUrl(receiver),
      client,
      api,
      workers,
      sweep,
      bare,
      origin: printedUrl(api),
      said: () =>
        [api, ...workers, sweep]
          .flatMap(({ lines }) => lines.filter((line) => line.startsWith('{')))
          .join('\n'),
      headers: HEADERS,
      startWorkers,
      stopWorkers: async () => {
        await Promise.all(workers.splice(0).map((worker) => worker.stop()))
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const pids = (children: readonly Child[]): number[] => children.map(({ pid }) => pid)

/** The processes of the broker, and those around it. */
export const brokerParts = ({ api, workers, sweep, services, receiver, client }: Stage): Parts => ({
  api: [api.pid],
  worker: pids(workers),
  sweep: [sweep.pid],
  redis: [services.redis.pid],
  postgres: [services.postgres.pid],
  receiver: [receiver.pid],
  client: [client.pid],
})

/** The processes of the bare queue. */
export const bareParts = ({ bare, services, receiver }: Stage): Parts => ({
  producer: [bare.producer.pid],
  worker: pids(bare.workers),
  redis: [services.redis.pid],
  receiver: [receiver.pid],
})
