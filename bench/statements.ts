// What the hot statements cost Postgres by themselves: `npm run bench:statements -- --batch 30,100`. One connection, and the
// time that its backend was on a core, from the operating system, so that what else the machine does counts little. How much
// of it is due to the indexes that lists are read by, or to the room in a page, is seen by taking those away.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { AcceptInput, Claim } from '../lib/broker/ports.ts'
import { acceptBatch } from '../lib/postgres/accept.ts'
import { makeDatabase, makePool, type Database } from '../lib/postgres/database.ts'
import { takeTurn, type TurnSettings, type Wish } from '../lib/postgres/turn.ts'
import { makeIds, makeRandom, systemClock } from '../lib/wiring/runtime.ts'
import { startServices, type Services } from './services.ts'

const { values: options } = parseArgs({
  options: {
    /** Deliveries a statement, comma separated. */
    batch: { type: 'string', default: '1,30,100' },
    rounds: { type: 'string', default: '5' },
    /** Webhooks of each event. */
    fanout: { type: 'string', default: '10' },
    /** Of `deliveries`; that of the migrations when absent. */
    fillfactor: { type: 'string' },
    /** Names of indexes to do without, comma separated. */
    without: { type: 'string', default: '' },
  },
})
const FANOUT = Number(options.fanout)
const DELIVERIES = 3_000
const DELIVERIES_ONE_BY_ONE = 300
const PAYLOAD = Buffer.from(JSON.stringify({ data: 'x'.repeat(1_000) }))
const URLS = Array.from({ length: FANOUT }, (_, n) => `http://127.0.0.1:4000/${n}`)
const ids = makeIds(systemClock, makeRandom())

const SETTINGS: TurnSettings = {
  timeoutMs: 30_000,
  marginMs: 5_000,
  graceMs: 30_000,
  queueHorizonMs: 600_000,
  admissions: {
    view: () => ({ webhooks: [], otherwise: 1_000, slowRoom: 1_000 }),
    claimed: () => undefined,
    parked: () => undefined,
  },
}

const prepare = async ({ sql }: Services): Promise<void> => {
  await sql(`insert into tenants (id, routing_version) values ('default', 1)`)
  await sql(
    `insert into webhooks (id, tenant, event_name, url, secret)
     select 'wh_' || lpad(n::text, 26, '0'), 'default', 'event', url, 'plain:none'
     from unnest($1::text[]) with ordinality as u(url, n)`,
    [URLS],
  )
  if (options.fillfactor !== undefined)
    await sql(`alter table deliveries set (fillfactor = ${Number(options.fillfactor)})`)
  for (const index of options.without.split(',').filter(Boolean)) await sql(`drop index "${index}"`)
}

/** Milliseconds on a core and bytes of WAL, so far. */
const spentBy = async ({ sql }: Services, pid: number) => {
  const [run = ''] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')
  const [row] = await sql<{ wal: number }>(
    `select (pg_current_wal_insert_lsn() - '0/0')::float8 as wal`,
  )
  return { ms: Number(run) / 1e6, wal: row?.wal ?? 0 }
}

const message = (): AcceptInput => ({
  messageId: ids.message(),
  tenant: 'default',
  eventName: 'event',
  contentType: 'application/json',
  payload: PAYLOAD,
  idempotency: null,
  traceparent: null,
  route: { version: 1, urls: URLS },
})

const parts = <Item>(items: readonly Item[], size: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, n) =>
    items.slice(n * size, (n + 1) * size),
  )

const accept = async (database: Database, batch: number, total: number): Promise<string[]> => {
  const messages = Array.from({ length: Math.ceil(total / FANOUT) }, message)
  const accepted: string[] = []
  for (const part of parts(messages, Math.max(1, Math.round(batch / FANOUT))))
    for (const { deliveryIds } of await acceptBatch(database, part, SETTINGS.graceMs))
      accepted.push(...deliveryIds)
  return accepted
}

const claimWish = (deliveryId: string): Wish => ({
  kind: 'claim',
  request: { deliveryId, token: randomBytes(16).toString('hex'), hasTurn: false },
})

const successOf = (claim: Claim): Wish => ({
  kind: 'record',
  result: {
    claim,
    durationMs: 3,
    plan: { kind: 'delivered' },
    outcome: {
      kind: 'answered',
      response: { statusCode: 204, headers: {}, body: new Uint8Array(), bodyBroken: false },
    },
  },
})

const turns = async (database: Database, wishes: readonly Wish[], batch: number) => {
  const claims: Claim[] = []
  for (const part of parts(wishes, batch))
    for (const granted of await takeTurn(database, part, SETTINGS))
      if (granted.kind === 'claim' && granted.outcome.kind === 'claimed')
        claims.push(granted.outcome.claim)
  return claims
}

type Found = Map<string, { us: number[]; wal: number[] }>

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** One round with batches of one size, each kind of statement by itself, then both kinds in one. */
const round = async (services: Services, measured: Measured, batch: number): Promise<void> => {
  const { database, pid, found } = measured
  const total = batch === 1 ? DELIVERIES_ONE_BY_ONE : DELIVERIES
  const spend = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const before = await spentBy(services, pid)
    const result = await work()
    const after = await spentBy(services, pid)
    const entry = found.get(`${what}, ${batch} a batch`) ?? { us: [], wal: [] }
    found.set(`${what}, ${batch} a batch`, entry)
    entry.us.push(((after.ms - before.ms) * 1_000) / total)
    entry.wal.push((after.wal - before.wal) / total)
    return result
  }
  const accepted = await spend('accept', () => accept(database, batch, total))
  const claims = await spend('claim', () => turns(database, accepted.map(claimWish), batch))
  const next = await accept(database, batch, total)
  await spend('result', () => turns(database, claims.map(successOf), batch))
  const more = await turns(database, next.map(claimWish), batch)
  const last = await accept(database, batch, total)
  const mixed = last.flatMap((id, n) => {
    const claim = more[n]
    return claim === undefined ? [claimWish(id)] : [claimWish(id), successOf(claim)]
  })
  await spend('claim and result in one', () => turns(database, mixed, 2 * batch))
}

type Measured = { database: Database; pid: number; found: Found }

const report = async ({ sql }: Services, found: Found): Promise<void> => {
  console.log('\n| statement | µs of a backend per delivery | bytes of WAL |\n| --- | --- | --- |')
  for (const [what, { us, wal }] of found)
    console.log(`| ${what} | ${median(us).toFixed(0)} | ${median(wal).toFixed(0)} |`)
  // A round claims three times and records twice. A result changes indexed columns, so it is never heap-only.
  const [row] = await sql<{ share: number; pages: number }>(
    `select 100 * n_tup_hot_upd / (n_tup_upd * 3 / 5.0) as share, pg_relation_size(relid) / 8192 as pages
     from pg_stat_user_tables where relname = 'deliveries'`,
  )
  console.log(`\nclaims that touched no index: ${Number(row?.share).toFixed(0)} %`)
  console.log(`pages of deliveries: ${row?.pages}`)
}

const services = await startServices()
try {
  await prepare(services)
  const silent = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
  }
  const { url } = services.postgres
  const database = makeDatabase(
    makePool({ url, maxConnections: 1, applicationName: 'bench' }, silent),
  )
  const [backend] = await database.query<{ pid: number }>('select pg_backend_pid() as pid', [])
  const measured: Measured = { database, pid: backend?.pid ?? 0, found: new Map() }
  for (let n = 0; n < Number(options.rounds); n += 1)
    for (const batch of options.batch.split(',').map(Number)) await round(services, measured, batch)
  // A backend reports what it did when it ends.
  await database.close()
  await report(services, measured.found)
} finally {
  await services.stop()
}
