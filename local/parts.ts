// What the separate processes (api, worker, sweep) open in the same way: Postgres, the dispatcher, the log.

import type { Config } from '../lib/config.ts'
import { makeLogger } from '../lib/logger.ts'
import { makeMetrics, type Metrics } from '../lib/metrics.ts'
import { makeCatchUp, type CatchUp } from '../lib/broker/catch-up.ts'
import type { HandOver, Log, Steps } from '../lib/broker/ports.ts'
import { stepsOf } from '../lib/wiring/failpoints.ts'
import type { RedisParts } from '../lib/wiring/redis.ts'
import { systemClock } from '../lib/wiring/runtime.ts'
import { makeStores, openDatabase, type Stores } from '../lib/wiring/stores.ts'
import type { Database } from '../lib/postgres/database.ts'
import { openDispatch, type Dispatch } from './dispatch.ts'
import type { Lifecycle } from './lifecycle.ts'

export type Parts = {
  log: Log
  metrics: Metrics
  stores: Stores
  dispatch: Dispatch
  steps: Steps
}

/** An attempt in flight may take its timeout; closing the rest takes moments. */
export const stopTimeoutMs = (config: Config): number => config.delivery.timeoutMs + 5_000

export const storesOf = (config: Config, database: Database): Stores =>
  makeStores(database, {
    timeoutMs: config.delivery.timeoutMs,
    marginMs: config.delivery.leaseMarginMs,
    graceMs: config.sweep.graceMs,
    retentionDays: config.retentionDays,
    concurrency: config.delivery.concurrency,
    breakerFailures: config.delivery.breakerFailures,
  })

export const warnOfPlainSecrets = (config: Config, log: Log): void => {
  if (config.secretKeys.length === 0) {
    log.warn('secrets.unencrypted', {
      advice:
        'set BROKER_SECRET_KEY to the base64 of 32 random bytes; signing secrets are stored as they are',
    })
  }
}

/** From now on the metrics also tell the state of the whole broker. @param redis undefined for a broker without */
export const watchState = (
  metrics: Metrics,
  stores: Stores,
  redis: Pick<RedisParts, 'queue'> | undefined,
): void =>
  metrics.watch({
    broker: stores.brokerState,
    queueDepth: redis?.queue.depth,
    elapsedMs: systemClock.elapsedMs,
  })

/** @throws BrokerError when Redis evicts; a Redis or Postgres that is away is no reason not to start */
export const openParts = async (
  config: Config,
  {
    role,
    maxConnections,
    logTo,
  }: { role: string; maxConnections: number; logTo?: NodeJS.WriteStream },
  lifecycle: Lifecycle,
): Promise<Parts> => {
  const metrics = makeMetrics()
  const log = metrics.counting(
    makeLogger(config.logLevel, logTo && ((line) => void logTo.write(line))),
  )
  const database = openDatabase({ url: config.databaseUrl ?? '', maxConnections, role }, log)
  lifecycle.onStop('postgres', database.close)
  const dispatch = await openDispatch(config, lifecycle, log)
  const stores = storesOf(config, database)
  watchState(metrics, stores, dispatch.redis)
  return { log, metrics, stores, dispatch, steps: stepsOf(config.failpoints) }
}

/** @returns what keeps accepted deliveries that could not be handed over in time, and hands them over later */
export const catchUpLater = (
  config: Config,
  parts: { handOver: HandOver; log: Log },
  lifecycle: Lifecycle,
): CatchUp['add'] => {
  const catchUp = makeCatchUp({ ...parts, graceMs: config.sweep.graceMs, clock: systemClock })
  lifecycle.onStop('catch-up', catchUp.close)
  return catchUp.add
}
