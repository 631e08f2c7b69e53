// The packaged functions of one broker, each in a process of its own, with a schema and a key prefix of their own, and
// every connection of theirs through proxies that the test can cut.

import { inject } from 'vitest'
import type { HttpResult } from '../../lib/http/lambda.ts'
import {
  filesOf,
  packagedOnce,
  runFunction,
  type RunningFunction,
  type Variant,
} from './function-package.ts'
import { httpApiV2 } from './http-events.ts'
import { makeSchema, randomPrefix, type TestSchema } from './schema.ts'
import { startProxy } from './tcp-proxy.ts'

export const KEY = 'package-key-0123456789'

export type FunctionKit = {
  schema: TestSchema
  prefix: string
  env: Readonly<Record<string, string>>
  /** Invokes a function of serverless.yml, which is started by its first invocation. */
  invoke<Result = HttpResult>(name: string, event: unknown): Promise<Result>
  /** A request of the API over an HTTP API, with the key: `call('list', 'GET webhooks')`. */
  call(name: string, route: string, body?: unknown): Promise<HttpResult>
  /** Starts a function without invoking it: Lambda does this before the first event. */
  start(name: string): Promise<RunningFunction>
  /** What a long freeze does: no connection of before is left when the next invocation thaws a function. */
  cutAll(): Promise<void>
  /** Postgres refuses connections from now on. */
  losePostgres(): void
  stop(): Promise<void>
}

export type FunctionKitOptions = {
  /** Which packages; those of BullMQ when absent. */
  variant?: Variant
  /** On top of the environment that every function gets. */
  env?: Readonly<Record<string, string>>
  /** A Redis of the test's own; that of the run when absent. */
  redisUrl?: string
  /** Where the connections to Postgres go on their way to the server: given its port, a port. */
  before?: (postgresPort: number) => Promise<number>
}

export const makeFunctionKit = async (options: FunctionKitOptions = {}): Promise<FunctionKit> => {
  const packages = await packagedOnce(options.variant)
  const schema = await makeSchema(inject('databaseUrl'))
  const serverPort = Number(new URL(schema.url).port)
  const postgres = await startProxy({ port: (await options.before?.(serverPort)) ?? serverPort })
  const redisUrl = options.redisUrl ?? inject('redisUrl')
  const redis = await startProxy({ port: Number(new URL(redisUrl).port) })
  const through = (url: string, port: number) => Object.assign(new URL(url), { port }).href
  const prefix = randomPrefix()
  const env = {
    DATABASE_URL: through(schema.url, postgres.port),
    REDIS_URL: through(redisUrl, redis.port),
    BROKER_KEY_PREFIX: prefix,
    BROKER_API_KEYS: KEY,
    BROKER_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
    BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
    BROKER_LOG_LEVEL: 'silent',
    ...options.env,
  }
  const running = new Map<string, Promise<RunningFunction>>()
  const start = (name: string): Promise<RunningFunction> => {
    const started =
      running.get(name) ??
      runFunction(filesOf(packages, name), { ...env, AWS_LAMBDA_FUNCTION_NAME: name })
    running.set(name, started)
    return started
  }
  // Frozen between two invocations, as on Lambda: nothing that the one left running helps the other.
  const invoke = async <Result = HttpResult>(name: string, event: unknown): Promise<Result> => {
    const running = await start(name)
    running.thaw()
    return running.invoke<Result>(event).finally(running.freeze)
  }
  return {
    schema,
    prefix,
    env,
    start,
    invoke,
    call: (name, route, body) => invoke(name, apiRequest(route, body)),
    cutAll: async () => {
      await Promise.all(running.values())
      for (const proxy of [postgres, redis]) {
        proxy.reset()
        proxy.heal()
      }
    },
    losePostgres: () => postgres.reset(),
    stop: async () => {
      for (const each of await Promise.allSettled(running.values())) {
        if (each.status === 'fulfilled') await each.value.stop()
      }
      await Promise.all([postgres.close(), redis.close()])
      await schema.drop()
    },
  }
}

const apiRequest = (route: string, body: unknown) => {
  const [method = '', path = ''] = route.split(' ')
  return httpApiV2({
    method,
    path: `/api/v0/${path}`,
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}
