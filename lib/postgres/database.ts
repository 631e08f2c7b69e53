// The one connection to Postgres: a pool that never hangs, and the translation of its errors.
// Everything above this file sees rows or a BrokerError, never a driver's error.

import { Kysely, PostgresDialect } from 'kysely'
import { performance } from 'node:perf_hooks'
import pg from 'pg'
import { BrokerError } from '../domain/errors.ts'
import type { Log } from '../broker/ports.ts'
import type { Tables } from './schema.ts'
import { makeRunner, sqlState, type Plan, type RunnerSettings } from './statement.ts'

export type Database = {
  /** Typed queries for everything that is not hot. */
  kysely: Kysely<Tables>
  /** A hot statement: constant text, values in order. It must be repeatable: it is sent a second time when the
   *  connection turned out to be dead at once (a restart, a thawed function). @throws BrokerError */
  query<Row>(text: string, values: readonly unknown[], plan?: Plan): Promise<Row[]>
  close(): Promise<void>
}

export type PoolSettings = {
  url: string
  maxConnections: number
  /** Names the process in pg_stat_activity. */
  applicationName: string
}

const CONNECT_TIMEOUT_MS = 3_000
// Longer than any statement of ours takes on a busy machine, and short enough that a dead network is noticed.
const STATEMENT_TIMEOUT_MS = 10_000
// A dead socket is noticed in milliseconds. Later failures are outages, which callers handle by their own rules.
const REPEAT_WITHIN_MS = 1_000
// Ends before a pooler or a NAT drops the connection unseen.
const IDLE_TIMEOUT_MS = 30_000

/** Opens a pool on a server. No connection is made until the first query. */
export const makePool = (settings: PoolSettings, log: Log): pg.Pool => {
  const pool = new pg.Pool({
    connectionString: settings.url,
    max: settings.maxConnections,
    application_name: settings.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
  })
  // Without a listener an idle connection that breaks would end the process.
  pool.on('error', (error) => log.warn('postgres.connection_lost', { error: error.message }))
  return pool
}

/** Wraps a pool (of a server or of the embedded PGlite). */
export const makeDatabase = (pool: pg.Pool, settings: RunnerSettings = {}): Database => {
  const run = makeRunner(pool, settings)
  // A connection that breaks while it is lent out, between two statements, says so by an event. Whoever holds it learns
  // of it from the next statement; without a listener it would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined))
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return {
    kysely,
    query: async <Row>(text: string, values: readonly unknown[], plan: Plan = 'fresh') => {
      const send = () => run<Row>({ text, values }, plan)
      const startedMs = performance.now()
      try {
        return await send()
      } catch (error) {
        const failure = toBrokerError(error)
        if (!isTransient(failure) || performance.now() - startedMs > REPEAT_WITHIN_MS) throw failure
        return await translated(send)
      }
    },
    close: () => kysely.destroy(),
  }
}

/** Runs typed queries with the same translation of errors as `query`. */
export const translated = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (error) {
    throw error instanceof BrokerError ? error : toBrokerError(error)
  }
}

// Class 08 connection, 53 resources, 57 operator intervention, 58 system; 25006 a read-only standby after a failover;
// 40 serialisation and deadlock: the same statement may succeed when it is sent again.
const TRANSIENT = /^(08|53|57|58|40)|^25006$/

/** Whether a statement failed for a reason that lies outside it: nothing in its values was at fault. */
export const isTransient = (error: unknown): boolean =>
  error instanceof BrokerError && error.code === 'log_unavailable'

const toBrokerError = (error: unknown): BrokerError => {
  const state = sqlState(error)
  // No SQLSTATE means that no server judged the statement: refused, reset, timed out.
  if (state === undefined || TRANSIENT.test(state)) {
    return new BrokerError('log_unavailable', 'the delivery log did not confirm', { cause: error })
  }
  return new BrokerError('internal_error', 'the delivery log refused a statement', { cause: error })
}
