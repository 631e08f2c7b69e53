// The whole broker in one process: `npm start`. API, worker and sweep on embedded stores, or on those that are named.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startWorkerContainer } from '../functions/worker/container.ts'
import { loadProcessConfig, type Config } from '../lib/config.ts'
import type { Log } from '../lib/broker/ports.ts'
import { makeLogger } from '../lib/logger.ts'
import { makeMetrics } from '../lib/metrics.ts'
import { makeDatabase, type Database } from '../lib/postgres/database.ts'
import { migrate } from '../lib/postgres/migrate.ts'
import { makeAccepting } from '../lib/wiring/accepting.ts'
import { makeApi } from '../lib/wiring/api.ts'
import { startReplaying } from '../lib/wiring/replaying.ts'
import { openDatabase } from '../lib/wiring/stores.ts'
import { makeSweeping, sweepEvery } from '../lib/wiring/sweeping.ts'
import { stepsOf } from '../lib/wiring/failpoints.ts'
import { configured } from './configured.ts'
import { openDispatch, type Dispatch } from './dispatch.ts'
import { drainMs, openQstash } from './entrance.ts'
import { runProcess, type Lifecycle } from './lifecycle.ts'
import { catchUpLater, stopTimeoutMs, storesOf, watchState } from './parts.ts'
import { localSecretKey } from './secret-key.ts'
import { listen } from './server.ts'
import { findRedis, startRedis } from './services/redis.ts'

const MAX_CONNECTIONS = 10
const SWEEP_BUDGET_MS = 20_000

const openPostgres = async (config: Config, lifecycle: Lifecycle, log: Log): Promise<Database> => {
  if (config.databaseUrl !== undefined) {
    const settings = { url: config.databaseUrl, maxConnections: MAX_CONNECTIONS, role: 'start' }
    const database = openDatabase(settings, log)
    lifecycle.onStop('postgres', database.close)
    return database
  }
  const { openEmbedded } = await import('../lib/postgres/embedded.ts')
  const embedded = await openEmbedded(join(config.dataDir, 'postgres'))
  lifecycle.onStop('postgres', embedded.close)
  return makeDatabase(embedded.pool)
}

/** With QStash there is no worker: it calls the API. */
const IDLE = { wake: () => undefined, stop: () => Promise.resolve() }

/** Undefined when there is none to start: the broker then delivers straight from Postgres. */
const openDispatcher = async (
  config: Config,
  lifecycle: Lifecycle,
  log: Log,
): Promise<Dispatch | undefined> => {
  let url = config.redisUrl
  if (url === undefined && config.qstash === undefined) {
    const found = findRedis(console.log)
    if ('advice' in found) {
      console.log(`${found.advice}; going on without Redis, delivering straight from Postgres`)
      return undefined
    }
    const server = await startRedis({ dataDir: join(config.dataDir, 'redis'), persistence: 'aof' })
    lifecycle.onStop('redis-server', server.stop)
    url = server.url
  }
  return openDispatch({ ...config, redisUrl: url }, lifecycle, log)
}

/** Something to paste: registers the receiver that `npm run listen -- --port 4000` starts. */
const firstLine = (url: string, withKey: boolean): string =>
  `try: curl -s ${url}/api/v0/webhooks${withKey ? " -H 'authorization: Bearer <key>'" : ''}` +
  ` -H 'content-type: application/json' -d '{"eventName":"upload_image","webhookUrl":"http://127.0.0.1:4000/hook"}'`

const loaded = configured(() => loadProcessConfig('start'))
mkdirSync(loaded.dataDir, { recursive: true })
const config: Config =
  loaded.secretKeys.length > 0
    ? loaded
    : { ...loaded, secretKeys: [localSecretKey(loaded.dataDir)] }

await runProcess(stopTimeoutMs(config), async (lifecycle) => {
  const metrics = makeMetrics()
  const log = metrics.counting(makeLogger(config.logLevel))
  const [database, dispatch] = await Promise.all([
    openPostgres(config, lifecycle, log),
    openDispatcher(config, lifecycle, log),
  ])
  await migrate(database)
  const shared = {
    stores: storesOf(config, database),
    routing: dispatch?.routing,
    steps: stepsOf(config.failpoints),
    log,
  }
  const redis = dispatch?.redis
  const publish = dispatch?.publish
  watchState(metrics, shared.stores, redis)

  const queue = redis === undefined ? undefined : { url: redis.url, port: redis.queue }
  const worker = publish === undefined ? startWorkerContainer(config, { ...shared, queue }) : IDLE
  lifecycle.onStop('worker', worker.stop)
  const sweeping = sweepEvery(makeSweeping(config, { ...shared, queue: redis?.queue, publish }), {
    intervalMs: config.sweep.intervalMs,
    budgetMs: SWEEP_BUDGET_MS,
    stop: lifecycle.stopping,
    log,
  })
  lifecycle.onStop('sweep', () => sweeping)

  const wake = () => {
    worker.wake()
    return Promise.resolve()
  }
  const handingOver = {
    queue: redis?.queue,
    publish,
    ...(dispatch ?? { handOver: wake, handOverAgain: wake }),
  }
  const replaying = startReplaying({ ...shared, ...handingOver })
  lifecycle.onStop('replays', replaying.close)
  const app = makeApi(config, {
    ...shared,
    metrics,
    accepting: makeAccepting(config, {
      ...handingOver,
      ...shared,
      notHandedOver: catchUpLater(config, { ...handingOver, log }, lifecycle),
      replayStarted: replaying.wake,
    }),
    qstash: openQstash(config, shared, lifecycle),
    optional: publish === undefined ? { redis: redis?.ping ?? (() => Promise.resolve(false)) } : {},
  })
  const server = await listen(app, config.http)
  lifecycle.onStop('http', () => server.close(drainMs(config)))
  if (config.auth.kind === 'off') {
    log.warn('auth.off', { reason: config.auth.reason })
    console.log('no API key is asked for (set BROKER_API_KEYS to change that)')
  }
  console.log(`webhook-broker ready on ${server.url}`)
  console.log(firstLine(server.url, config.auth.kind === 'keys'))
})
