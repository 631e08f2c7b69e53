// The whole API over real Postgres and Redis behind a real socket, in the test's own process, so that a test can read
// its log lines and its rows. Nothing delivers or repairs unless the test asks for it.

import { inject } from 'vitest'
import { listen } from '../../local/server.ts'
import { loadConfig, type Config, type Environment } from '../../lib/config.ts'
import type { App } from '../../lib/http/env.ts'
import { makeLogger } from '../../lib/logger.ts'
import { makeMetrics } from '../../lib/metrics.ts'
import type { SweepSummary } from '../../lib/broker/sweep-summary.ts'
import { makeAccepting } from '../../lib/wiring/accepting.ts'
import { makeApi } from '../../lib/wiring/api.ts'
import { startDelivering, type Delivering } from '../../lib/wiring/delivering.ts'
import { openRedis } from '../../lib/wiring/redis.ts'
import { makeStores, openDatabase } from '../../lib/wiring/stores.ts'
import { makeSweeping } from '../../lib/wiring/sweeping.ts'
import { makeSchema, randomPrefix, type TestSchema } from './schema.ts'

export const KEY = 'full-key-0123456789'

/** One key per scope, and one of another tenant. */
export const KEYS = {
  full: KEY,
  trigger: 'trigger-key-0123456789',
  read: 'read-key-0123456789',
  manage: 'manage-key-0123456789',
  other: 'other-key-0123456789',
} as const

const API_KEYS = [
  KEYS.full,
  `default:${KEYS.trigger}:trigger`,
  `default:${KEYS.read}:read`,
  `default:${KEYS.manage}:manage`,
  `other:${KEYS.other}`,
].join(',')

/** An answer, read to its end. `json` is the body where it is JSON. */
export type Answer = {
  status: number
  headers: Headers
  text: string
  json: Record<string, unknown>
}

export type CallOptions = {
  /** null: no Authorization header */
  key?: string | null
  /** Sent as JSON. */
  json?: unknown
  /** Sent as it is. */
  body?: NonNullable<RequestInit['body']>
  headers?: Record<string, string>
}

export type Call = (method: string, path: string, options?: CallOptions) => Promise<Answer>

export type TestApi = {
  url: string
  app: App
  config: Config
  schema: TestSchema
  /** Every line that was logged, as printed. */
  logLines: string[]
  call: Call
  /** Starts a worker, which ends with the API. */
  deliver(): void
  sweep(): Promise<SweepSummary>
  close(): Promise<void>
}

const SWEEP_BUDGET_MS = 10_000
const CLOSE_MS = 2_000

/** @param env beside Postgres, Redis, keys and a loopback that may be called, or instead of them */
export const startApi = async (env: Environment = {}): Promise<TestApi> => {
  const schema = await makeSchema(inject('databaseUrl'))
  const config = loadConfig(
    {
      DATABASE_URL: schema.url,
      REDIS_URL: inject('redisUrl'),
      PORT: '0',
      BROKER_KEY_PREFIX: randomPrefix(),
      BROKER_API_KEYS: API_KEYS,
      BROKER_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
      BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
      ...env,
    },
    'api',
  )
  const logLines: string[] = []
  const metrics = makeMetrics()
  const log = metrics.counting(makeLogger('info', (line) => logLines.push(line)))
  const { delivery, sweep } = config
  const database = openDatabase(
    { url: config.databaseUrl ?? '', maxConnections: 5, role: 'api' },
    log,
  )
  const stores = makeStores(database, {
    timeoutMs: delivery.timeoutMs,
    marginMs: delivery.leaseMarginMs,
    graceMs: sweep.graceMs,
    retentionDays: config.retentionDays,
    concurrency: delivery.concurrency,
    breakerFailures: delivery.breakerFailures,
  })
  const redis = openRedis(config.redisUrl ?? '', config, log)
  await redis.check()
  metrics.watch({
    broker: stores.brokerState,
    queueDepth: redis.queue.depth,
    elapsedMs: performance.now.bind(performance),
  })
  const shared = { stores, routing: redis.routing, steps: () => undefined, log }
  const accepting = makeAccepting(config, {
    ...shared,
    handOver: redis.queue.enqueue,
    handOverAgain: redis.queue.replace,
    queue: redis.queue,
  })
  const app = makeApi(config, { accepting, stores, metrics, optional: { redis: redis.ping }, log })
  const server = await listen(app, config.http)
  const workers: Delivering[] = []
  return {
    url: server.url,
    app,
    config,
    schema,
    logLines,
    call: makeCall(server.url),
    deliver: () => {
      const queue = { url: redis.url, port: redis.queue }
      workers.push(startDelivering(config, { ...shared, queue }))
    },
    sweep: () =>
      makeSweeping(config, { ...shared, queue: redis.queue })({ budgetMs: SWEEP_BUDGET_MS }),
    close: async () => {
      await server.close(1_000)
      await Promise.all(workers.map((worker) => worker.close(CLOSE_MS)))
      await redis.close()
      await database.close()
      await schema.drop()
    },
  }
}

export const makeCall =
  (url: string): Call =>
  async (method, path, { key = KEY, json, body, headers = {} } = {}) => {
    const response = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(body === undefined ? {} : { body, duplex: 'half' }),
    })
    return readAnswer(response)
  }

export const readAnswer = async (response: Response): Promise<Answer> => {
  const text = await response.text()
  const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
  }
}

/** What a problem says, without the parts that are for people. */
export const problemOf = ({ status, json }: Answer) => ({
  status,
  code: json['code'],
  fields: (json['errors'] as { field: string }[] | undefined)?.map(({ field }) => field),
})
