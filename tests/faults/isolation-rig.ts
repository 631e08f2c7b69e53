// The rig of the isolation measurements: a Redis and a Postgres of its own, the broker as real processes with the times of
// production, a receiver process that answers as it is told, and a load that is triggered over HTTP.

import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../../local/services/process.ts'
import { startProcess, type BrokerProcess } from '../support/process.ts'
import { startTestRedis, type TestRedis } from '../support/redis-kit.ts'
import { waitUntil } from '../support/wait.ts'
import type { Arrival, Behaviour } from './load-receiver-process.ts'
import { startTestPostgres, type TestPostgres } from './postgres.ts'

export type IsolationRig = {
  redis: TestRedis
  postgres: TestPostgres
  start(
    role: 'api' | 'worker' | 'sweep',
    env?: Readonly<Record<string, string>>,
  ): Promise<BrokerProcess>
  /** Registers the receiver's path `/<eventName>` for an event. @returns the webhook's id */
  register(eventName: string, settings?: Record<string, unknown>, query?: string): Promise<string>
  trigger(eventName: string): Promise<void>
  /** So many triggers a second, spread over the events in turn. Resolves when all are accepted. */
  load(options: {
    eventNames: readonly string[]
    perSecond: number
    forMs: number
  }): Promise<number>
  /** So many triggers of one event, as fast as they are accepted. */
  pile(eventName: string, count: number): Promise<void>
  behave(eventName: string, behaviour: Behaviour): Promise<void>
  arrivals(eventName?: string): Promise<Arrival[]>
  forgetArrivals(): Promise<void>
  /** Milliseconds from the accept to the arrival, of what was accepted for these events since `sinceMs`; rises. */
  latencies(eventNames: readonly string[], sinceMs: number): Promise<number[]>
  count(where: string): Promise<number>
  untilCount(where: string, count: number, timeoutMs: number): Promise<void>
  stop(): Promise<void>
}

const READY = /^webhook-broker (?:api|worker|sweep) ready/
const TICK_MS = 20
const LANES = 40

export const startIsolationRig = async (
  env: Readonly<Record<string, string>> = {},
): Promise<IsolationRig> => {
  const receiver = await startProcess({
    script: 'tests/faults/load-receiver-process.ts',
    readyLine: /^receiver ready/,
  })
  const receiverUrl = /http:\S+/.exec(receiver.lines[0] ?? '')?.[0] ?? ''
  const [redis, postgres, port] = await Promise.all([
    startTestRedis('none'),
    startTestPostgres(),
    freePort(),
  ])
  const api = `http://127.0.0.1:${port}/api/v0`
  const all: Readonly<Record<string, string>> = {
    BROKER_AUTH: 'off',
    BROKER_LOG_LEVEL: 'warn',
    BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
    BROKER_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
    BROKER_KEY_PREFIX: 'isolation',
    PORT: String(port),
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    ...env,
  }
  const processes: BrokerProcess[] = [receiver]
  const post = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(`${api}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const answer = (await response.json()) as Record<string, unknown>
    if (!response.ok)
      throw new Error(`${path} answered ${response.status}: ${JSON.stringify(answer)}`)
    return answer
  }
  const control = (method: string, body?: unknown) =>
    fetch(`${receiverUrl}/control`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const trigger = async (eventName: string) => {
    await post(`/trigger-event/${eventName}`, { text: 'x'.repeat(200) })
  }
  const arrivals = async (eventName?: string) => {
    const list = (await (await control('GET')).json()) as Arrival[]
    return eventName === undefined ? list : list.filter(([path]) => path === `/${eventName}`)
  }
  const count = async (where: string) => {
    const [row] = await postgres.sql<{ count: number }>(
      `select count(*)::int as count from deliveries where ${where}`,
    )
    return row?.count ?? 0
  }
  return {
    redis,
    postgres,
    start: async (role, extra = {}) => {
      const started = await startProcess({
        script: `local/${role}.ts`,
        args: role === 'sweep' ? ['--every'] : [],
        env: { ...all, ...extra },
        readyLine: READY,
      })
      processes.push(started)
      return started
    },
    register: async (eventName, settings = {}, query = '') => {
      const webhookUrl = `${receiverUrl}/${eventName}${query}`
      return String((await post('/webhooks', { eventName, webhookUrl, ...settings }))['id'])
    },
    trigger,
    load: (options) => sendLoad(trigger, options),
    pile: async (eventName, total) => {
      let left = total
      const lane = async () => {
        while (left > 0) {
          left -= 1
          await trigger(eventName)
        }
      }
      await Promise.all(Array.from({ length: LANES }, lane))
    },
    behave: async (eventName, behaviour) => {
      await control('POST', { path: `/${eventName}`, ...behaviour })
    },
    arrivals,
    forgetArrivals: async () => {
      await control('DELETE')
    },
    latencies: async (eventNames, sinceMs) => {
      const accepted = await postgres.sql<{ id: string; at: number }>(
        `select id, (1000 * extract(epoch from created_at))::float8 as at from deliveries
        where event_name = any($1) and created_at >= to_timestamp($2::float8 / 1000)`,
        [eventNames, sinceMs],
      )
      const firstAt = new Map<string, number>()
      for (const [, id, atMs] of await arrivals())
        firstAt.set(id, Math.min(firstAt.get(id) ?? Infinity, atMs))
      return accepted.map(({ id, at }) => (firstAt.get(id) ?? Infinity) - at).sort((a, b) => a - b)
    },
    count,
    untilCount: async (where, wanted, timeoutMs) => {
      await waitUntil(async () => (await count(where)) === wanted, {
        timeoutMs,
        message: `${wanted} deliveries with ${where}`,
      })
    },
    stop: async () => {
      await Promise.all(processes.map((process) => process.kill9()))
      await Promise.all([redis.stop(), postgres.stop()])
    },
  }
}

const sendLoad = async (
  trigger: (eventName: string) => Promise<void>,
  {
    eventNames,
    perSecond,
    forMs,
  }: { eventNames: readonly string[]; perSecond: number; forMs: number },
): Promise<number> => {
  const sent: Promise<void>[] = []
  const startedMs = performance.now()
  const sendUntil = (untilMs: number) => {
    const wanted = Math.ceil((Math.min(untilMs, forMs) * perSecond) / 1_000)
    while (sent.length < wanted)
      sent.push(trigger(eventNames[sent.length % eventNames.length] ?? ''))
  }
  for (let passedMs = 0; passedMs < forMs; passedMs = performance.now() - startedMs) {
    sendUntil(passedMs + TICK_MS)
    await wait(TICK_MS)
  }
  // On a busy machine the last tick comes too late.
  sendUntil(forMs)
  await Promise.all(sent)
  return sent.length
}

/** @param sorted rising */
export const percentile = (sorted: readonly number[], percent: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN
