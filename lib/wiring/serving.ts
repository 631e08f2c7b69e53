// What a function opens when it starts, once, and keeps while its environment lives: the log, Postgres, and the frame of
// an HTTP app. It knows neither Redis nor the queue, so that a function carries only what its route needs.

import { loadProcessConfig, type Config } from '../config.ts'
import { makeApp, type AppDeps } from '../http/app.ts'
import type { App } from '../http/env.ts'
import { makeLogger } from '../logger.ts'
import { makeEmbeddedMetrics, type EmbeddedMetrics } from '../metrics-emf.ts'
import type { Log, Steps } from '../broker/ports.ts'
import { appDeps } from './app-deps.ts'
import { systemClock } from './runtime.ts'
import { stepsOf } from './failpoints.ts'
import { makeStores, openDatabase, type Stores } from './stores.ts'

export type Opened = {
  config: Config
  log: Log
  stores: Stores
  steps: Steps
  /** What the log counted; flushed at the end of each invocation. */
  metrics: EmbeddedMetrics
}

/** One request at a time runs in an environment: a second connection would idle. The sweep's statements follow each other. */
const MAX_CONNECTIONS = 1

/**
 * @param role names the function in pg_stat_activity
 * @throws BrokerError `invalid_request` naming every fault of the environment
 */
export const openFunction = (role: string): Opened => {
  const config = loadProcessConfig('lambda')
  const metrics = makeEmbeddedMetrics({ role, nowMs: systemClock.nowMs, write: writeLine(config) })
  const log = metrics.counting(makeLogger(config.logLevel))
  const database = openDatabase(
    { url: config.databaseUrl ?? '', maxConnections: MAX_CONNECTIONS, role, keepPlans: false },
    log,
  )
  const stores = makeStores(database, {
    timeoutMs: config.delivery.timeoutMs,
    marginMs: config.delivery.leaseMarginMs,
    graceMs: config.sweep.graceMs,
    retentionDays: config.retentionDays,
    concurrency: config.delivery.concurrency,
    breakerFailures: config.delivery.breakerFailures,
  })
  return { config, log, stores, steps: stepsOf(config.failpoints), metrics }
}

const writeLine = ({ logLevel }: Config): ((line: string) => void) =>
  logLevel === 'silent' ? () => undefined : (line) => void process.stdout.write(`${line}\n`)

/**
 * An app without routes, for a function to mount its own. An answer goes out when its metrics are written.
 *
 * @param elsewhere the routes of other functions, for the one that gets every request that is nobody's
 */
export const openApp = (
  { config, log, metrics }: Opened,
  elsewhere: NonNullable<AppDeps['elsewhere']> = [],
): App => {
  const app = makeApp({ ...appDeps(config, log), elsewhere })
  app.use(async (_c, next) => {
    await next()
    metrics.flush()
  })
  return app
}
