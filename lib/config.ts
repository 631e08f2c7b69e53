// The only place that reads the environment. It is parsed once, reports every fault at once, and never prints a value
// that may be secret. Defaults and meanings: .env.example.

import { existsSync } from 'node:fs'
import * as z from 'zod'
import { parseCidrs, type Cidr } from './domain/address-guard.ts'
import {
  isBlank,
  isOnLambda,
  LOOPBACK,
  readAuth,
  type Auth,
  type Environment,
  type Mode,
} from './config-auth.ts'
import {
  blankIsUnset,
  flag,
  parsed,
  parseFraction,
  parsePort,
  parseSecretKeys,
  text,
  url,
  whole,
} from './config-fields.ts'
import {
  dispatchesQstash,
  publicUrl,
  qstashFaults,
  toQstash,
  type QstashConfig,
} from './config-qstash.ts'
import { DEFAULT_TENANT, isTenant } from './domain/api-key.ts'
import { BrokerError } from './domain/errors.ts'
import { parseRetrySchedule, type RetrySchedule } from './domain/retry-schedule.ts'
import type { LogLevel } from './logger.ts'

export type { Environment, Mode } from './config-auth.ts'
export type { QstashConfig } from './config-qstash.ts'

export type Config = {
  mode: Mode
  http: {
    host: string
    port: number
    maxPayloadBytes: number
    loopback: boolean
    /** Where a worker or a sweep that keeps going shows its metrics; undefined: nowhere. */
    metricsPort: number | undefined
  }
  auth: Auth
  databaseUrl: string | undefined
  redisUrl: string | undefined
  upstash: { url: string; token: string } | undefined
  /** Set when QStash dispatches; the queue in Redis does otherwise. */
  qstash: QstashConfig | undefined
  dataDir: string
  keyPrefix: string
  secretKeys: readonly Uint8Array[]
  delivery: {
    allowedCidrs: readonly Cidr[]
    httpsOnly: boolean
    schedule: RetrySchedule
    jitter: number
    timeoutMs: number
    leaseMarginMs: number
    concurrency: number
    breakerFailures: number
    breakerOpenMs: number
  }
  sweep: { intervalMs: number; graceMs: number }
  /** Jobs that wait in the queue before it is no longer fed. */
  queueHighWater: number
  retentionDays: number
  drainFunction: string | undefined
  /** Whose the events of SQS, SNS and EventBridge are. */
  eventsTenant: string
  logLevel: LogLevel
  /** Fault tests only (see wiring/failpoints). */
  failpoints: string | undefined
}

const DEFAULT_SCHEDULE = '5s,30s,2m,10m,30m,2h,5h,10h,24h,24h'
// npm start is for a developer's own machine, whose receivers listen on it.
const START_CIDRS = '127.0.0.1/32,::1/128'
const DAY_MS = 86_400_000
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

const tenant = parsed(
  (value) => (isTenant(value.trim()) ? value.trim() : undefined),
  'must be 1 to 64 characters out of A-Z a-z 0-9 _ -',
  DEFAULT_TENANT,
)

const keyPrefix = parsed(
  (value) => (/^[A-Za-z0-9_-]{1,64}$/.test(value) ? value : undefined),
  'must be 1 to 64 characters out of A-Z a-z 0-9 _ -',
  'broker',
)

// QStash cannot be asked what it holds, so asking means publishing again: patience saves messages.
const graceByDefault = (qstash: boolean) => (qstash ? 120_000 : 30_000)

const schema = (mode: Mode, qstash: boolean) =>
  z.object({
    HOST: text.transform((value) => value ?? '127.0.0.1'),
    PORT: whole({ min: 0, max: 65_535, byDefault: 3000 }),
    BROKER_METRICS_PORT: parsed(parsePort, 'must be a port, from 0 to 65535', ''),
    REDIS_URL: url(['redis:', 'rediss:']),
    DATABASE_URL: url(['postgres:', 'postgresql:']),
    UPSTASH_REDIS_REST_URL: url(['https:', 'http:']),
    UPSTASH_REDIS_REST_TOKEN: text,
    QSTASH_URL: url(['https:', 'http:']),
    QSTASH_TOKEN: text,
    QSTASH_CURRENT_SIGNING_KEY: text,
    QSTASH_NEXT_SIGNING_KEY: text,
    BROKER_DATA_DIR: text.transform((value) => value ?? '.data'),
    BROKER_DISPATCHER: z.preprocess(
      (value) => blankIsUnset(value) ?? 'bullmq',
      z.enum(['bullmq', 'qstash'], 'must be bullmq or qstash'),
    ),
    BROKER_ALLOWED_CIDRS: parsed(
      (value) => (value === '' ? [] : parseCidrs(value)),
      'must be ranges like 10.0.0.0/8, comma separated',
      mode === 'start' ? START_CIDRS : '',
    ),
    BROKER_HTTPS_ONLY: flag,
    BROKER_RETRY_SCHEDULE: parsed(
      parseRetrySchedule,
      'must be delays like 5s,30s,2m (units ms, s, m, h, d; at most 30 days each)',
      DEFAULT_SCHEDULE,
    ),
    BROKER_RETRY_JITTER: parsed(parseFraction, 'must be a number from 0 to 1', '0.2'),
    BROKER_DELIVERY_TIMEOUT_MS: whole({ min: 1, max: 60_000, byDefault: 15_000 }),
    BROKER_LEASE_MARGIN_MS: whole({ min: 1, max: 600_000, byDefault: 15_000 }),
    BROKER_WORKER_CONCURRENCY: whole({ min: 1, max: 10_000, byDefault: 100 }),
    BROKER_SWEEP_INTERVAL_MS: whole({ min: 10, max: DAY_MS, byDefault: 60_000 }),
    BROKER_SWEEP_GRACE_MS: whole({ min: 1, max: DAY_MS, byDefault: graceByDefault(qstash) }),
    BROKER_MAX_PAYLOAD_BYTES: whole({ min: 1, max: 6 * 1024 * 1024, byDefault: 262_144 }),
    BROKER_RETENTION_DAYS: whole({ min: 1, max: 36_500, byDefault: 30 }),
    BROKER_SECRET_KEY: parsed(
      parseSecretKeys,
      'must be the base64 of 32 bytes (several keys comma separated, newest first)',
      '',
    ),
    BROKER_BREAKER_FAILURES: whole({ min: 0, max: 1_000_000, byDefault: 10 }),
    BROKER_BREAKER_OPEN_MS: whole({ min: 1, max: DAY_MS, byDefault: 30_000 }),
    BROKER_QUEUE_HIGH_WATER: whole({ min: 1, max: 1_000_000_000, byDefault: 200_000 }),
    BROKER_PUBLIC_URL: publicUrl(mode),
    BROKER_DRAIN_FUNCTION: text,
    BROKER_EVENTS_TENANT: tenant,
    BROKER_LOG_LEVEL: z.preprocess(
      (value) => blankIsUnset(value) ?? 'info',
      z.enum(LOG_LEVELS, 'must be debug, info, warn, error or silent'),
    ),
    BROKER_KEY_PREFIX: keyPrefix,
    FAILPOINTS: text,
  })

/**
 * Parses an environment.
 *
 * @throws BrokerError `invalid_request` with one line per fault; it names variables and never their values
 */
export const loadConfig = (env: Environment, mode: Mode): Config => {
  const faults: string[] = []
  const result = schema(mode, dispatchesQstash(env)).safeParse(env)
  if (!result.success) {
    for (const { path, message } of result.error.issues) faults.push(`${path.join('.')} ${message}`)
  }
  faults.push(...missing(env, mode))
  const auth = readAuth(env, mode)
  if ('faults' in auth) faults.push(...auth.faults)
  if (!result.success || 'faults' in auth || faults.length > 0) {
    throw new BrokerError(
      'invalid_request',
      `the configuration has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n` +
        faults.map((fault) => `  ${fault}`).join('\n'),
    )
  }
  return toConfig(result.data, auth, mode)
}

const missing = (env: Environment, mode: Mode): string[] => {
  const needed: string[] = []
  const qstash = dispatchesQstash(env)
  if (mode !== 'start') needed.push('DATABASE_URL')
  // With QStash it only makes look-ups fast.
  const runsOnRedis = mode === 'api' || mode === 'worker' || mode === 'sweep'
  if (runsOnRedis && !qstash) needed.push('REDIS_URL')
  if (isOnLambda(env, mode)) needed.push('BROKER_SECRET_KEY')
  const faults = needed.filter((name) => isBlank(env[name])).map((name) => `${name} is missing`)
  if (qstash) faults.push(...qstashFaults(env, mode))
  if (isBlank(env['UPSTASH_REDIS_REST_URL']) !== isBlank(env['UPSTASH_REDIS_REST_TOKEN'])) {
    faults.push('UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN go together')
  }
  return faults
}

type Parsed = z.output<ReturnType<typeof schema>>

const toConfig = (env: Parsed, auth: Auth, mode: Mode): Config => ({
  mode,
  http: {
    host: env.HOST,
    port: env.PORT,
    maxPayloadBytes: env.BROKER_MAX_PAYLOAD_BYTES,
    loopback: LOOPBACK.test(env.HOST),
    metricsPort: env.BROKER_METRICS_PORT.port,
  },
  auth,
  databaseUrl: env.DATABASE_URL,
  redisUrl: env.REDIS_URL,
  upstash:
    env.UPSTASH_REDIS_REST_URL === undefined || env.UPSTASH_REDIS_REST_TOKEN === undefined
      ? undefined
      : { url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN },
  qstash: toQstash(env),
  dataDir: env.BROKER_DATA_DIR,
  keyPrefix: env.BROKER_KEY_PREFIX,
  secretKeys: env.BROKER_SECRET_KEY,
  delivery: {
    allowedCidrs: env.BROKER_ALLOWED_CIDRS,
    httpsOnly: env.BROKER_HTTPS_ONLY,
    schedule: env.BROKER_RETRY_SCHEDULE,
    jitter: env.BROKER_RETRY_JITTER,
    timeoutMs: env.BROKER_DELIVERY_TIMEOUT_MS,
    leaseMarginMs: env.BROKER_LEASE_MARGIN_MS,
    concurrency: env.BROKER_WORKER_CONCURRENCY,
    breakerFailures: env.BROKER_BREAKER_FAILURES,
    breakerOpenMs: env.BROKER_BREAKER_OPEN_MS,
  },
  sweep: { intervalMs: env.BROKER_SWEEP_INTERVAL_MS, graceMs: env.BROKER_SWEEP_GRACE_MS },
  queueHighWater: env.BROKER_QUEUE_HIGH_WATER,
  retentionDays: env.BROKER_RETENTION_DAYS,
  drainFunction: env.BROKER_DRAIN_FUNCTION,
  eventsTenant: env.BROKER_EVENTS_TENANT,
  logLevel: env.BROKER_LOG_LEVEL,
  failpoints: env.FAILPOINTS,
})

/** Reads `.env` where there is one (what is already set wins) and parses the environment of this process. */
export const loadProcessConfig = (mode: Mode): Config => {
  if (mode !== 'lambda' && existsSync('.env')) process.loadEnvFile('.env')
  return loadConfig(process.env, mode)
}
