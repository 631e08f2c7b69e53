// A broker that QStash dispatches, in the test's own process: API with the entrance, sweep on demand, over a real
// Postgres and a fake QStash, without any Redis.

import { inject } from 'vitest'
import { freePort } from '../../local/services/process.ts'
import { listen } from '../../local/server.ts'
import type { SweepSummary } from '../../lib/broker/sweep-summary.ts'
import { loadConfig, type Environment } from '../../lib/config.ts'
import type { App } from '../../lib/http/env.ts'
import { makeLogger } from '../../lib/logger.ts'
import { makeAccepting } from '../../lib/wiring/accepting.ts'
import { makeApi } from '../../lib/wiring/api.ts'
import { openEntrance } from '../../lib/wiring/entrance.ts'
import { openPublisher } from '../../lib/wiring/publishing.ts'
import { makeStores, openDatabase } from '../../lib/wiring/stores.ts'
import { makeSweeping } from '../../lib/wiring/sweeping.ts'
import { makeClient, type Client } from '../e2e/client.ts'
import { startFakeQstash, type FakeQstash, type FakeQstashOptions } from './fake-qstash.ts'
import { makeSchema, type TestSchema } from './schema.ts'

export type QstashBroker = Client & {
  url: string
  /** Where QStash calls it, and what its signatures name. */
  destination: string
  app: App
  qstash: FakeQstash
  schema: TestSchema
  sweep(): Promise<SweepSummary>
  /** The sweep may ask for everything that is open. */
  makeAllDue(): Promise<void>
  close(): Promise<void>
}

/** What an environment needs for QStash. */
export const qstashEnv = (qstash: FakeQstash, publicUrl: string): Record<string, string> => ({
  BROKER_DISPATCHER: 'qstash',
  QSTASH_URL: qstash.url,
  QSTASH_TOKEN: qstash.token,
  QSTASH_CURRENT_SIGNING_KEY: qstash.currentSigningKey,
  QSTASH_NEXT_SIGNING_KEY: qstash.nextSigningKey,
  BROKER_PUBLIC_URL: publicUrl,
})

const CLOSE_MS = 1_000
const SWEEP_BUDGET_MS = 10_000

/** Attempts at 0, 1 and 2 s, in whole seconds as QStash has them. */
export const startQstashBroker = async (
  options: FakeQstashOptions & { env?: Environment } = {},
): Promise<QstashBroker> => {
  const [schema, qstash, port] = await Promise.all([
    makeSchema(inject('databaseUrl')),
    startFakeQstash(options),
    freePort(),
  ])
  const config = loadConfig(
    {
      DATABASE_URL: schema.url,
      PORT: String(port),
      BROKER_AUTH: 'off',
      BROKER_ALLOWED_CIDRS: '127.0.0.1/32',
      BROKER_RETRY_SCHEDULE: '1s,1s',
      BROKER_RETRY_JITTER: '0',
      ...qstashEnv(qstash, `http://127.0.0.1:${port}/`),
      ...options.env,
    },
    'api',
  )
  const log = makeLogger('silent')
  const { delivery, sweep, retentionDays } = config
  const database = openDatabase({ url: schema.url, maxConnections: 5, role: 'api' }, log)
  const stores = makeStores(database, {
    timeoutMs: delivery.timeoutMs,
    marginMs: delivery.leaseMarginMs,
    graceMs: sweep.graceMs,
    retentionDays,
    concurrency: delivery.concurrency,
    breakerFailures: delivery.breakerFailures,
  })
  const publish = openPublisher(config)
  if (publish === undefined) throw new Error('there is no QStash to publish to')
  const shared = { stores, routing: undefined, steps: () => undefined, log }
  const entrance = openEntrance(config, shared)
  const handingOver = { queue: undefined, publish, handOver: publish, handOverAgain: publish }
  const accepting = makeAccepting(config, { ...shared, ...handingOver })
  const app = makeApi(config, { ...shared, accepting, optional: {}, qstash: entrance })
  const server = await listen(app, config.http)
  return {
    ...makeClient(() => server.url),
    url: server.url,
    destination: `${server.url}/internal/qstash`,
    app,
    qstash,
    schema,
    sweep: () =>
      makeSweeping(config, { ...shared, queue: undefined, publish })({ budgetMs: SWEEP_BUDGET_MS }),
    makeAllDue: async () => {
      await schema.sql('update deliveries set due_at = now() where finished_at is null')
    },
    close: async () => {
      await qstash.close()
      await server.close(CLOSE_MS)
      await entrance.close()
      await database.close()
      await schema.drop()
    },
  }
}
