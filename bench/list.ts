// How long a page of the log takes with 1,000,000 deliveries, for every filter and every pair of them, and how long the
// figures and a sweep take: `npm run bench:list`. Prints a table; the same as JSON with --json <file>.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { makeReadStats } from '../lib/broker/stats.ts'
import { DELIVERY_STATUSES } from '../lib/domain/delivery.ts'
import { makeDatabase } from '../lib/postgres/database.ts'
import { makeLogReader } from '../lib/postgres/log-reader.ts'
import { migrate } from '../lib/postgres/migrate.ts'
import { makeStatsStore } from '../lib/postgres/stats-store.ts'
import { startPostgres } from '../local/services/postgres.ts'
import { fill, type Filled } from './fill.ts'
import { leaveOpen, measureSweeps } from './sweep.ts'

const { values: options } = parseArgs({
  options: {
    deliveries: { type: 'string', default: '1000000' },
    samples: { type: 'string', default: '100' },
    json: { type: 'string' },
  },
})
const SAMPLES = Number(options.samples)
const DAY_MS = 86_400_000

const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-bench-'))
chmodSync(folder, 0o755)
const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), fsync: false })
// Filling takes longer than the broker lets a statement take.
const pool = new pg.Pool({ connectionString: postgres.url, max: 4 })
// The server ends what is idle when it stops.
pool.on('error', () => undefined)
const database = makeDatabase(pool)
await migrate(database)

type Shape = { name: string; ask: () => Promise<unknown> }
type Row = { name: string; p50Ms: number; p95Ms: number }

const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(Math.random() * from.length)]
const moment = ({ fromMs, toMs }: Filled) => fromMs + Math.random() * (toMs - fromMs)

/** A random value for each filter. */
const filters = (filled: Filled): Record<string, () => object> => ({
  status: () => ({ status: pick(DELIVERY_STATUSES) }),
  eventName: () => ({ eventName: pick(filled.eventNames) }),
  webhookId: () => ({ webhookId: pick(filled.webhookIds) }),
  messageId: () => ({ messageId: pick(filled.messageIds) }),
  from: () => ({ from: new Date(moment(filled)) }),
  to: () => ({ to: new Date(moment(filled)) }),
})

const deliveryShapes = (filled: Filled): Shape[] => {
  const reader = makeLogReader(database)
  const all = Object.entries(filters(filled))
  const list = (name: string, filter: () => object): Shape => ({
    name: `deliveries ${name}`,
    ask: () => reader.deliveries({ tenant: filled.tenant, pageSize: 50, ...filter() }),
  })
  const pairs = all.flatMap(([first, one], index) =>
    all
      .slice(index + 1)
      .map(([second, two]) => list(`${first} + ${second}`, () => ({ ...one(), ...two() }))),
  )
  const middle = () => ({ beforeId: `dlv_${(pick(filled.messageIds) ?? '').slice(4)}` })
  return [
    list('(all)', () => ({})),
    list('cursor in the middle', middle),
    ...all.map(([name, filter]) => list(name, filter)),
    ...pairs,
    list('eventName + webhookId of it', () => {
      const index = Math.floor(Math.random() * filled.webhookIds.length)
      return {
        webhookId: filled.webhookIds[index],
        eventName: `event-${(index + 1) % filled.eventNames.length}`,
      }
    }),
    list('status + webhookId + cursor', () => ({
      ...middle(),
      status: pick(DELIVERY_STATUSES),
      webhookId: pick(filled.webhookIds),
    })),
  ]
}

const otherShapes = (filled: Filled): Shape[] => {
  const reader = makeLogReader(database)
  const read = makeReadStats({ stats: makeStatsStore(database, { retentionDays: 30 }) })
  const { tenant } = filled
  const messages = (name: string, filter: () => object): Shape => ({
    name: `messages ${name}`,
    ask: () => reader.messages({ tenant, pageSize: 50, ...filter() }),
  })
  const stats = (name: string, query: object): Shape => ({
    name: `stats ${name}`,
    ask: () => read({ tenant, ...query }),
  })
  const { eventName, from, to } = filters(filled) as Record<
    'eventName' | 'from' | 'to',
    () => object
  >
  const since = (ms: number) => ({ from: new Date(Date.now() - ms) })
  return [
    messages('(all)', () => ({})),
    messages('eventName', eventName),
    messages('eventName + from + to', () => ({ ...eventName(), ...from(), ...to() })),
    stats('last hour', {}),
    stats('last day', since(DAY_MS)),
    stats('last 7 days', since(7 * DAY_MS)),
    stats('last day, eventName', { ...since(DAY_MS), eventName: 'event-3' }),
    stats('last day, webhookId', { ...since(DAY_MS), webhookId: filled.webhookIds[50] }),
  ]
}

const measure = async ({ name, ask }: Shape): Promise<Row> => {
  const times: number[] = []
  for (let sample = -5; sample < SAMPLES; sample += 1) {
    const startedMs = performance.now()
    await ask()
    if (sample >= 0) times.push(performance.now() - startedMs)
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))]
  return { name, p50Ms: round(at(0.5)), p95Ms: round(at(0.95)) }
}

const round = (ms = 0): number => Math.round(ms * 10) / 10

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}

try {
  let filled: Filled | undefined
  const fillMs = await timed(async () => {
    filled = await fill(database, Number(options.deliveries))
  })
  if (filled === undefined) throw new Error('nothing was filled')
  console.log(`${options.deliveries} deliveries filled in ${Math.round(fillMs / 1_000)} s`)
  const store = makeStatsStore(database, { retentionDays: 30 })
  await database.query(
    "update stats_progress set rolled_until = date_trunc('hour', now() - interval '7 days')",
    [],
  )
  const rollUpMs = await timed(async () => {
    while (await store.rollUp());
  })
  console.log(`a week rolled up in ${Math.round(rollUpMs / 1_000)} s`)
  console.log('| what | p50 ms | p95 ms |\n|---|---|---|')
  const rows: Row[] = []
  for (const shape of [...deliveryShapes(filled), ...otherShapes(filled)]) {
    const row = await measure(shape)
    rows.push(row)
    console.log(`| ${row.name} | ${row.p50Ms} | ${row.p95Ms} |`)
  }
  const slowest = rows.reduce((worst, row) => (row.p95Ms > worst.p95Ms ? row : worst))
  console.log(`slowest p95: ${slowest.p95Ms} ms (${slowest.name})`)
  await leaveOpen(database)
  const sweepsMs = await measureSweeps(database, {
    databaseUrl: postgres.url,
    folder: join(folder, 'redis'),
    runs: 5,
  })
  console.log(`sweeps with 100 open deliveries: ${sweepsMs.join(', ')} ms`)
  if (options.json !== undefined) {
    writeFileSync(
      options.json,
      JSON.stringify({ deliveries: Number(options.deliveries), rollUpMs, rows, sweepsMs }, null, 2),
    )
  }
} finally {
  await database.close()
  await postgres.stop()
  rmSync(folder, { recursive: true, force: true })
}
