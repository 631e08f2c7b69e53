// Where a load spends its time: `npm run bench:profile -- --only fan1`. Profiles of the API and the workers (as
// `node --cpu-prof` writes them, for a browser's tools), the statements of Postgres and the commands of Redis, of the
// measured load alone. Its rates are those of a process that is watched: for rates there is `npm run bench`.

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import type { Child } from './child.ts'
import { byFunction, byOwner, type Profile, type Spent } from './profile-reading.ts'
import { brokerRound, deliveriesOf, register } from './round.ts'
import { makeScenarios } from './scenarios.ts'
import { startStage, type Stage } from './stage.ts'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'fan1' },
    workers: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: '200' },
    node: { type: 'string', default: process.execPath },
    scale: { type: 'string', default: '2' },
    'log-level': { type: 'string', default: 'warn' },
    top: { type: 'string', default: '30' },
  },
})
const TOP = Number(options.top)
const folder = mkdtempSync(join(tmpdir(), 'webhook-broker-profiles-'))

const printSpent = (title: string, spent: readonly Spent[], deliveries: number): void => {
  const all = spent.reduce((sum, { ms }) => sum + ms, 0)
  console.log(
    `\n${title} (${Math.round(all)} ms busy, ${((all * 1_000) / deliveries).toFixed(0)} µs/delivery)`,
  )
  for (const { what, ms } of spent.slice(0, TOP)) {
    const perDelivery = ((ms * 1_000) / deliveries).toFixed(1).padStart(7)
    console.log(`${((ms * 100) / all).toFixed(1).padStart(5)} % ${perDelivery} µs  ${what}`)
  }
}

const readProfile = async (name: string, child: Child, deliveries: number): Promise<void> => {
  const profile = await child.ask<Profile>('profileStop')
  const file = join(folder, `${name}.cpuprofile`)
  writeFileSync(file, JSON.stringify(profile))
  printSpent(`${name}, by the part on whose behalf`, byOwner(profile), deliveries)
  printSpent(`${name}, by function`, byFunction(profile), deliveries)
  console.log(file)
}

type Statement = {
  query: string
  calls: number
  rows: number
  exec_ms: number
  plan_ms: number
  wal: number
}

const printStatements = async ({ services }: Stage, deliveries: number): Promise<void> => {
  const statements = await services.sql<Statement>(
    `select regexp_replace(query, '\\s+', ' ', 'g') as query, calls::int, rows::int,
       total_exec_time as exec_ms, total_plan_time as plan_ms, wal_bytes::float8 as wal
     from pg_stat_statements where userid = (select oid from pg_roles where rolname = 'broker')
     order by total_exec_time + total_plan_time desc limit 12`,
  )
  console.log(
    '\nstatements: calls, rows a call, execution and planning in µs/delivery, WAL in bytes/delivery',
  )
  for (const { query, calls, rows, exec_ms, plan_ms, wal } of statements) {
    const per = (value: number) => (value / deliveries).toFixed(1)
    console.log(
      `${calls} x ${(rows / calls).toFixed(1)}, ${per(exec_ms * 1_000)} + ${per(plan_ms * 1_000)}, ${per(wal)}: ${query.slice(0, 160)}`,
    )
  }
}

/** What Redis did, scripts' own commands included, and what came from outside. */
const printCommands = async (stage: Stage, redis: Redis, deliveries: number): Promise<void> => {
  const info = await redis.info('commandstats')
  const lines = [...info.matchAll(/cmdstat_(\S+):calls=(\d+),usec=(\d+)/g)]
    .map(([, name = '', calls, usec]) => ({ name, calls: Number(calls), us: Number(usec) }))
    .sort((a, b) => b.us - a.us)
  console.log(
    '\nRedis, inside: command, calls and µs per delivery (a script counts what it calls, too)',
  )
  for (const { name, calls, us } of lines.slice(0, 14))
    console.log(`${name} ${(calls / deliveries).toFixed(2)}, ${(us / deliveries).toFixed(1)} µs`)
  console.log('\nRedis, commands sent since the start, by process')
  for (const [name, child] of [['api', stage.api] as const, ...named(stage)])
    console.log(name, await child.ask('redisCommands'))
}

const named = ({ workers }: Stage): [string, Child][] =>
  workers.map((worker, n) => [`worker-${n + 1}`, worker])

const scenario = makeScenarios(Number(options.scale))[options.only]
if (scenario === undefined) throw new Error(`no scenario ${options.only}`)
const stage = await startStage({
  workers: Number(options.workers),
  concurrency: Number(options.concurrency),
  node: options.node,
  logLevel: options['log-level'],
  nodeOptions: '',
})
const redis = new Redis(stage.services.redis.url)
try {
  const { shape, warmUp } = scenario
  const deliveries = deliveriesOf(shape)
  await stage.services.sql("alter system set pg_stat_statements.track_planning = 'on'")
  await stage.services.sql('select pg_reload_conf()')
  await register(stage, shape)
  await brokerRound(stage, warmUp)
  const watched = [['api', stage.api] as const, ...named(stage)]
  await redis.config('RESETSTAT')
  await Promise.all(watched.map(([, child]) => child.ask('profileStart')))
  const figures = await brokerRound(stage, shape)
  for (const [name, child] of watched) await readProfile(name, child, deliveries)
  await printStatements(stage, deliveries)
  await printCommands(stage, redis, deliveries)
  console.log('\nof the whole round:', figures)
} catch (error) {
  console.error(stage.said())
  throw error
} finally {
  redis.disconnect()
  await stage.stop()
}
