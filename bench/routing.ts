// What the routing look-up is worth: triggers with it and without it, in turn, on a real Redis and a real Postgres.
// `npm run bench:routing` prints the table of docs/decisions/0001.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { migrate } from '../lib/postgres/migrate.ts'
import { makeLogger } from '../lib/logger.ts'
import { makePatience } from '../lib/broker/patience.ts'
import { makeTriggerEvent, type TriggerEvent } from '../lib/broker/trigger-event.ts'
import { connectRedis } from '../lib/redis/connect.ts'
import { makeRoutingKeys } from '../lib/redis/keys.ts'
import { ioredisCommands } from '../lib/redis/routing-ioredis.ts'
import { makeRoutingTable } from '../lib/redis/routing-table.ts'
import { makeIds, makeRandom, systemClock } from '../lib/wiring/runtime.ts'
import { makeStores, openDatabase } from '../lib/wiring/stores.ts'
import { startPostgres } from '../local/services/postgres.ts'
import { startRedis } from '../local/services/redis.ts'

const FAN_OUTS = [1, 10, 1_000]
const ROUNDS = 5
const CONCURRENCY = 50
const TRIGGERS: Record<number, number> = { 1: 2_000, 10: 1_000, 1_000: 50 }

const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-bench-'))
chmodSync(folder, 0o755)
const redisServer = await startRedis({ dataDir: join(folder, 'redis'), persistence: 'aof' })
const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), fsync: true })
const log = makeLogger('warn')
const database = openDatabase({ url: postgres.url, maxConnections: 4, role: 'bench' }, log)
await migrate(database)
const stores = makeStores(database, {
  timeoutMs: 15_000,
  marginMs: 15_000,
  graceMs: 30_000,
  retentionDays: 30,
  concurrency: 100,
  breakerFailures: 10,
})
const redis = connectRedis(redisServer.url, log)
const routing = makeRoutingTable(ioredisCommands(redis), makeRoutingKeys('bench'), randomUUID)
const ids = makeIds(systemClock, makeRandom())

for (const fanOut of FAN_OUTS) {
  for (let index = 0; index < fanOut; index += 1) {
    await stores.webhooks.register({
      id: ids.webhook(),
      tenant: 'default',
      eventName: `fan${fanOut}`,
      webhookUrl: `http://127.0.0.1:4000/hook/${index}`,
      description: null,
      headers: {},
      timeoutMs: null,
      rateLimit: null,
      maxInFlight: null,
      sealedSecret: 'plain:none',
    })
  }
}
await routing.rebuild(() => stores.webhooks.routingSnapshot('default'), 'default')

const trigger = (withRouting: boolean): TriggerEvent =>
  makeTriggerEvent({
    log: { info: () => undefined, warn: log.warn, error: log.error },
    clock: systemClock,
    ids,
    patience: makePatience({ clock: systemClock, log }),
    deliveryLog: stores.deliveryLog,
    routing: withRouting ? routing : undefined,
    handOver: () => Promise.resolve(),
    steps: () => undefined,
  })

const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(1_000) }))

/** @returns triggers per second */
const measure = async (fire: TriggerEvent, fanOut: number): Promise<number> => {
  const count = TRIGGERS[fanOut] ?? 0
  let left = count
  const lane = async () => {
    while (left > 0) {
      left -= 1
      const answer = await fire({
        tenant: 'default',
        eventName: `fan${fanOut}`,
        contentType: 'application/json',
        body,
        idempotencyKey: undefined,
        traceparent: null,
      })
      if (answer.deliveries !== fanOut)
        throw new Error(`matched ${answer.deliveries}, not ${fanOut}`)
    }
  }
  const startedMs = performance.now()
  await Promise.all(Array.from({ length: CONCURRENCY }, lane))
  return (count / (performance.now() - startedMs)) * 1_000
}

const median = (values: number[]): number =>
  values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

console.log('| webhooks of the event | with the look-up | without | ratio |')
console.log('|---|---|---|---|')
for (const fanOut of FAN_OUTS) {
  const rates = { with: [] as number[], without: [] as number[], ratio: [] as number[] }
  for (let round = -1; round < ROUNDS; round += 1) {
    const [withIt, without] = [
      await measure(trigger(true), fanOut),
      await measure(trigger(false), fanOut),
    ]
    // The first round warms up.
    if (round < 0) continue
    rates.with.push(withIt)
    rates.without.push(without)
    rates.ratio.push(withIt / without)
  }
  console.log(
    `| ${fanOut} | ${Math.round(median(rates.with))} triggers/s | ${Math.round(median(rates.without))} triggers/s | ${median(rates.ratio).toFixed(2)} |`,
  )
}
redis.disconnect()
await database.close()
await Promise.all([redisServer.stop(), postgres.stop()])
rmSync(folder, { recursive: true, force: true })
