// The broker as it is run in containers: api, worker and sweep as processes of their own, over a schema and a key prefix
// of their own. Waits are short here, so that a test of hours takes seconds; nothing else differs.

import { Webhook } from 'standardwebhooks'
import { inject } from 'vitest'
import type { SweepSummary } from '../../lib/broker/sweep-summary.ts'
import { startProcess, type BrokerProcess } from '../support/process.ts'
import type { Received } from '../support/receiver.ts'
import { makeSchema, randomPrefix, type TestSchema } from '../support/schema.ts'
import { makeClient, type Client } from './client.ts'

export type Env = Readonly<Record<string, string>>

export type Role = 'api' | 'worker' | 'sweep'

export type BrokerOptions = {
  /** On top of the short times below. */
  env?: Env
  /** The run's own Redis when absent. */
  redisUrl?: string
  /** What is started at once; all three when absent. */
  roles?: readonly Role[]
}

export type Broker = Client & {
  schema: TestSchema
  env: Env
  api: BrokerProcess
  worker: BrokerProcess
  sweep: BrokerProcess
  /** Another process of this broker, with this environment on top. */
  start(role: Role, env?: Env): Promise<BrokerProcess>
  /** One run of the sweep: its summary. */
  sweepOnce(): Promise<SweepSummary>
  /** Ends every process and forgets the schema. */
  stop(): Promise<void>
}

/** Attempts at 0, 200, 600 and 1,400 ms; a second of timeout; a sweep every 250 ms that asks after 300 ms. */
export const SHORT: Env = {
  BROKER_AUTH: 'off',
  PORT: '0',
  BROKER_LOG_LEVEL: 'info',
  BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
  BROKER_RETRY_SCHEDULE: '200ms,400ms,800ms',
  BROKER_RETRY_JITTER: '0',
  BROKER_DELIVERY_TIMEOUT_MS: '1000',
  BROKER_LEASE_MARGIN_MS: '500',
  BROKER_SWEEP_INTERVAL_MS: '250',
  BROKER_SWEEP_GRACE_MS: '300',
}

const READY = /^webhook-broker (?:api|worker|sweep) ready/

export const startRole = (role: Role, env: Env): Promise<BrokerProcess> =>
  startProcess({
    script: `local/${role}.ts`,
    args: role === 'sweep' ? ['--every'] : [],
    env,
    readyLine: READY,
  })

/** Starts the broker; every process is ready when this resolves. */
export const startBroker = async (options: BrokerOptions = {}): Promise<Broker> => {
  const schema = await makeSchema(inject('databaseUrl'))
  const env: Env = {
    ...SHORT,
    DATABASE_URL: schema.url,
    REDIS_URL: options.redisUrl ?? inject('redisUrl'),
    BROKER_KEY_PREFIX: randomPrefix(),
    ...options.env,
  }
  const roles = options.roles ?? ['api', 'worker', 'sweep']
  const processes: BrokerProcess[] = []
  const start = async (role: Role, extra: Env = {}) => {
    const started = await startRole(role, { ...env, ...extra })
    processes.push(started)
    return started
  }
  const running = new Map(
    await Promise.all(roles.map(async (role) => [role, await start(role)] as const)),
  )
  const the = (role: Role): BrokerProcess => {
    const found = running.get(role)
    if (found === undefined) throw new Error(`this broker was started without its ${role}`)
    return found
  }
  return {
    ...makeClient(() => urlOf(the('api'))),
    schema,
    env,
    get api() {
      return the('api')
    },
    get worker() {
      return the('worker')
    },
    get sweep() {
      return the('sweep')
    },
    start,
    sweepOnce: () => sweepOnce(env),
    stop: async () => {
      await Promise.all(processes.map((each) => each.kill9()))
      await schema.drop()
    },
  }
}

/** Where an API said that it listens. */
export const urlOf = ({ lines }: BrokerProcess): string => {
  const url = /ready on (http:\S+)/.exec(lines.find((line) => READY_ON.test(line)) ?? '')?.[1]
  if (url === undefined) throw new Error(`no URL in:\n${lines.join('\n')}`)
  return url
}

const READY_ON = /ready on http/

const sweepOnce = async (env: Env): Promise<SweepSummary> => {
  const run = await startProcess({ script: 'local/sweep.ts', env })
  const { code } = await run.exited
  const summary = run.lines.find((line) => line.startsWith('{"found"'))
  if (code !== 0 || summary === undefined)
    throw new Error(`no summary in:\n${run.lines.join('\n')}`)
  return JSON.parse(summary) as SweepSummary
}

/** The lines of a station in a process's log, as objects. */
export const logged = (
  { lines }: Pick<BrokerProcess, 'lines'>,
  event: string,
): Record<string, unknown>[] =>
  lines
    .filter((line) => line.startsWith('{') && line.endsWith(`"msg":"${event}"}`))
    .map((line) => JSON.parse(line) as Record<string, unknown>)

const SIGNED = ['webhook-id', 'webhook-timestamp', 'webhook-signature']

/** Verifies as a receiver does. Throws unless the signature is right for these very bytes. */
export const verify = (secret: string, request: Received | undefined): void => {
  if (request === undefined) throw new Error('there is no request to verify')
  const headers = Object.fromEntries(SIGNED.map((name) => [name, String(request.headers[name])]))
  new Webhook(secret).verify(request.body, headers)
}
