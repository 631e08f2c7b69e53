// The rig of the fault tests: a real Redis and a real Postgres of its own, the broker as real processes with short times,
// a receiver process, a client that remembers its 202s, and the oracle's verdict. It decides nothing about a test.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../local/services/process.ts'
import type { DrainSummary } from '../../lib/broker/drain.ts'
import type { SweepSummary } from '../../lib/broker/sweep-summary.ts'
import { startProcess, type BrokerProcess } from '../support/process.ts'
import { startTestRedis, type TestRedis } from '../support/redis-kit.ts'
import { waitUntil } from '../support/wait.ts'
import { makeFaultClient, type FaultClient } from './client.ts'
import { print } from './print.ts'
import { judgeEvidence, type AttemptRow, type DeliveryRow, type Verdict } from './oracle.ts'
import { startTestPostgres, type TestPostgres } from './postgres.ts'
import { startFaultReceiver, type FaultReceiver } from './receiver.ts'
import { SECRET } from './receiver-process.ts'

export type Env = Readonly<Record<string, string>>
export type Role = 'api' | 'worker' | 'sweep'

/** Timeout of an attempt, and the lease that a claim takes: no claim of ours outlives the second. */
export const TIMEOUT_MS = 1_000
export const LEASE_MS = 1_500

/** What every process of a run gets; a test may put something on top. */
const TIMES: Env = {
  BROKER_AUTH: 'off',
  BROKER_LOG_LEVEL: 'info',
  BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
  BROKER_DELIVERY_TIMEOUT_MS: String(TIMEOUT_MS),
  BROKER_LEASE_MARGIN_MS: String(LEASE_MS - TIMEOUT_MS),
  BROKER_SWEEP_GRACE_MS: '300',
  BROKER_SWEEP_INTERVAL_MS: '300',
  BROKER_RETRY_SCHEDULE: '200ms,400ms,800ms,1600ms,1600ms,1600ms,1600ms',
  BROKER_RETRY_JITTER: '0',
  BROKER_BREAKER_OPEN_MS: '300',
  BROKER_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
}
const MAX_ATTEMPTS = 8

/** BROKER_KEY_PREFIX of every process. */
export const PREFIX = 'faults'
const CONTROL = 'control'
const SETTLE_MS = 60_000

const READY = /^webhook-broker (?:api|worker|sweep) ready/

export type Rig = {
  redis: TestRedis
  postgres: TestPostgres
  receiver: FaultReceiver
  /** Speaks to the API, whichever process serves it at the moment. */
  client: FaultClient
  /** A client of another API on this port, whose 202s the oracle does not know. */
  clientOf(port: number): FaultClient
  /** What processes are started with; tests lead them through a proxy with `start`'s second argument. */
  env: Env
  /** Starts a process; it is stopped with the rig. */
  start(role: Role, env?: Env): Promise<BrokerProcess>
  /** Begins one run of the scheduled drain. It prints its summary and ends, unless it is ended before. */
  startDrain(env?: Env): Promise<BrokerProcess>
  /** The same, once it has ended. @returns its summary, undefined when it died */
  drainOnce(env?: Env): Promise<DrainSummary | undefined>
  /** One run of the sweep. @returns its summary, undefined when it died */
  sweepOnce(env?: Env): Promise<SweepSummary | undefined>
  /** Registers `count` webhooks of an event, at the receiver's path `/<eventName>`. @param behaviour a query */
  webhooks(eventName: string, options?: { count?: number; behaviour?: string }): Promise<void>
  /** Waits until every delivery has ended and the queue is empty; then a control message goes through. */
  settle(options?: { timeoutMs?: number }): Promise<void>
  /** Resolves when so many deliveries of an event have this status. */
  waitForStatus(eventName: string, status: string, count: number): Promise<void>
  /** Judges everything that was triggered under these names; all names when none is given. */
  verdict(...eventNames: string[]): Promise<Verdict>
  stop(): Promise<void>
}

export type RigOptions = { persistence?: 'none' | 'aof'; env?: Env }

export const startRig = async (options: RigOptions = {}): Promise<Rig> => {
  const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-faults-'))
  const [redis, postgres, receiver, port] = await Promise.all([
    startTestRedis(options.persistence ?? 'none'),
    startTestPostgres(),
    startFaultReceiver(folder),
    freePort(),
  ])
  const env: Env = {
    ...TIMES,
    PORT: String(port),
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    BROKER_KEY_PREFIX: PREFIX,
    ...options.env,
  }
  const client = makeFaultClient(`http://127.0.0.1:${port}`)
  const processes = makeProcesses(env)
  const webhooks: Rig['webhooks'] = async (eventName, { count = 1, behaviour = '' } = {}) => {
    for (let n = 0; n < count; n += 1) {
      const url = `${receiver.url}/${eventName}?webhook=${n}${behaviour === '' ? '' : '&'}${behaviour}`
      await client.register(eventName, url, SECRET)
    }
  }
  const parts = { redis, postgres, receiver, client, webhooks }
  return {
    ...parts,
    clientOf: (other) => makeFaultClient(`http://127.0.0.1:${other}`),
    env,
    start: processes.start,
    startDrain: processes.startDrain,
    drainOnce: async (extra = {}) => {
      const run = await processes.startDrain(extra)
      await run.exited
      const line = run.lines.find((candidate) => candidate.startsWith('{"source"'))
      if (line !== undefined) return JSON.parse(line) as DrainSummary
      // Its lines of metrics are long.
      const lines = run.lines.slice(-5).map((printed) => printed.slice(0, 300))
      print('a drain without a summary', { ...(await run.exited), lines })
      return undefined
    },
    sweepOnce: processes.sweepOnce,
    settle: ({ timeoutMs = SETTLE_MS } = {}) => settle(parts, timeoutMs),
    waitForStatus: async (eventName, status, count) => {
      await waitUntil(
        async () => {
          const [row] = await postgres.sql<{ count: number }>(
            'select count(*)::int as count from deliveries where event_name = $1 and status = $2',
            [eventName, status],
          )
          return row?.count === count
        },
        { timeoutMs: SETTLE_MS, message: `${count} deliveries of ${eventName} to be ${status}` },
      )
    },
    verdict: (...eventNames) => judge(parts, eventNames),
    stop: async () => {
      await processes.stop()
      await Promise.all([redis.stop(), postgres.stop(), receiver.stop()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const makeProcesses = (env: Env) => {
  // Also those that are not ready yet when a test gives up.
  const all: Promise<BrokerProcess>[] = []
  return {
    start: (role: Role, extra: Env = {}) => {
      const started = startProcess({
        script: `local/${role}.ts`,
        args: role === 'sweep' ? ['--every'] : [],
        env: { ...env, ...extra },
        readyLine: READY,
      })
      all.push(started)
      return started
    },
    startDrain: (extra: Env = {}) => {
      const started = startProcess({
        script: 'tests/faults/drain-process.ts',
        env: { ...env, BROKER_AUTH: '', BROKER_API_KEYS: 'drain-key-0123456789', ...extra },
        readyLine: /^drain begins/,
      })
      all.push(started)
      return started
    },
    sweepOnce: async (extra: Env = {}): Promise<SweepSummary | undefined> => {
      const run = await startProcess({
        script: 'local/sweep.ts',
        env: { ...env, BROKER_LOG_LEVEL: 'error', ...extra },
      })
      await run.exited
      const line = run.lines.find((candidate) => candidate.startsWith('{"found"'))
      return line === undefined ? undefined : (JSON.parse(line) as SweepSummary)
    },
    stop: async () => {
      await Promise.all(
        all.map(async (starting) => {
          const process = await starting.catch(() => undefined)
          process?.resume()
          await process?.kill9()
        }),
      )
    },
  }
}

type Parts = Pick<Rig, 'redis' | 'postgres' | 'receiver' | 'client' | 'webhooks'>

const settle = async (parts: Parts, timeoutMs: number): Promise<void> => {
  const { redis, postgres, receiver, client, webhooks } = parts
  await waitUntil(
    async () => {
      const [row] = await postgres.sql<{ open: number }>(
        'select count(*)::int as open from deliveries where finished_at is null',
      )
      return row?.open === 0
    },
    { timeoutMs, message: 'every delivery to end' },
  )
  await waitUntil(
    async () => {
      const part = (name: string) => `{${PREFIX}}:deliveries:${name}`
      const sizes = await Promise.all([
        redis.admin.llen(part('wait')),
        redis.admin.llen(part('active')),
        redis.admin.zcard(part('delayed')),
      ])
      return sizes.every((size) => size === 0)
    },
    { timeoutMs, message: 'the queue to be empty' },
  )
  // Whatever a worker still meant to send has gone out when this, which it was given last, has arrived.
  const controls = () => receiver.lines().filter(({ path }) => path === `/${CONTROL}`).length
  const before = controls()
  const [known] = await postgres.sql('select 1 from webhooks where event_name = $1', [CONTROL])
  if (known === undefined) await webhooks(CONTROL)
  await client.trigger(CONTROL)
  await receiver.waitFor(`/${CONTROL}`, before + 1, timeoutMs)
}

const judge = async (
  { postgres, receiver, client }: Parts,
  eventNames: readonly string[],
): Promise<Verdict> => {
  const wanted = (name: string) =>
    eventNames.length === 0 ? name !== CONTROL : eventNames.includes(name)
  const all = await postgres.sql<DeliveryRow & { event_name: string }>(
    `select id, message_id, event_name, status, dead_reason, attempt_count, crash_count,
      (1000 * extract(epoch from first_delivered_at))::float8 as first_delivered_ms from deliveries`,
  )
  const deliveries = all.filter(({ event_name }) => wanted(event_name))
  const ids = new Set(deliveries.map(({ id }) => id))
  const attempts = await postgres.sql<AttemptRow>(
    'select delivery_id, number, outcome, status_code from attempts',
  )
  return judgeEvidence({
    acknowledged: client.acknowledged.filter(({ eventName }) => wanted(eventName)),
    lines: receiver.lines().filter(({ path }) => wanted(path.slice(1))),
    deliveries,
    attempts: attempts.filter(({ delivery_id }) => ids.has(delivery_id)),
    balanced: (await client.audit()).balanced,
    maxAttempts: MAX_ATTEMPTS,
  })
}
