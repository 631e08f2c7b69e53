// What retention costs those who trigger meanwhile: `npm run bench:retention`. Triggers are paced on real processes while the
// sweep removes 500,000 old deliveries with their messages and attempts. Every few seconds the sweep is frozen and let go
// again, so that whatever else the machine does falls on both sides alike. Prints what docs/replay.md quotes. OLD,
// PER_SECOND and ROUNDS change it.

import { setTimeout as wait } from 'node:timers/promises'
import { firstIdAt } from '../lib/domain/ids.ts'
import { percentile, startIsolationRig, type IsolationRig } from '../tests/faults/isolation-rig.ts'
import type { BrokerProcess } from '../tests/support/process.ts'

const setting = (name: string, byDefault: number) => Number(process.env[name] ?? byDefault)
/** Deliveries, two to a message, one attempt each: 1,250,000 rows of the three tables. */
const OLD = setting('OLD', 500_000)
const PER_SECOND = setting('PER_SECOND', 100)
const ROUNDS = setting('ROUNDS', 3)

const DAY_MS = 86_400_000
const PER_INSERT = 25_000
const TICK_MS = 20
const WINDOW_MS = 3_000
// What a window begins with belongs to the one before it.
const SETTLING_MS = 300

/** Removed by the next sweep: 40 days old, where 30 are kept. */
const insertOld = async ({ postgres }: IsolationRig, round: number): Promise<void> => {
  // Each round's are a little younger than those of the one before.
  const firstMs = Date.now() - 40 * DAY_MS + round * 3_600_000
  for (let done = 0; done < OLD / 2; done += PER_INSERT) {
    const tails = Array.from({ length: Math.min(PER_INSERT, OLD / 2 - done) }, (_, n) => {
      const time = firstIdAt('msg', firstMs + done + n).slice(4, 14)
      return time + String(done + n).padStart(15, '0')
    })
    await postgres.sql(INSERT, [tails])
  }
  for (const table of ['messages', 'deliveries', 'attempts'])
    await postgres.sql(`vacuum analyze ${table}`)
  await postgres.sql('checkpoint')
}

const INSERT = `
with made as materialized (select tail, now() - interval '40 days' as at from unnest($1::text[]) as t (tail)),
written as (
  insert into messages (id, tenant, event_name, content_type, payload, matched, created_at)
  select 'msg_' || tail || '0', 'default', 'old', 'application/json', convert_to('{"text":"' || repeat('x', 200) || '"}', 'UTF8'), 2, at
  from made
),
sent as (
  insert into deliveries (id, tenant, message_id, webhook_id, event_name, status, attempt_count, next_attempt_at, due_at,
    created_at, first_delivered_at, finished_at)
  select 'dlv_' || tail || w, 'default', 'msg_' || tail || '0', 'wh_old' || w, 'old', 'delivered', 1, at, at, at, at, at
  from made, generate_series(0, 1) w
)
insert into attempts (delivery_id, number, series, started_at, finished_at, duration_ms, outcome, code, status_code)
select 'dlv_' || tail || w, 1, 1, at, at, 20, 'succeeded', 'http_status', 200 from made, generate_series(0, 1) w`

/** Triggers at an even pace for so long. @returns how long each took, but for those at the beginning */
const load = async (rig: IsolationRig, forMs: number): Promise<number[]> => {
  const tookMs: number[] = []
  const sent: Promise<void>[] = []
  const startedMs = performance.now()
  const trigger = async () => {
    const atMs = performance.now()
    await rig.trigger('fresh')
    if (atMs - startedMs >= SETTLING_MS) tookMs.push(performance.now() - atMs)
  }
  for (let passedMs = 0; passedMs < forMs; passedMs = performance.now() - startedMs) {
    while (sent.length < (passedMs * PER_SECOND) / 1_000) sent.push(trigger())
    await wait(TICK_MS)
  }
  await Promise.all(sent)
  return tookMs
}

/** Messages that the sweep has said it removed, at the end of each of its runs. */
const removedBy = ({ lines }: BrokerProcess): number =>
  lines
    .map((line) => /"pruned":(\d+).*"msg":"sweep\.finished"/.exec(line)?.[1])
    .reduce((sum, pruned) => sum + Number(pruned ?? 0), 0)

const figures = (tookMs: number[]) => {
  const sorted = tookMs.sort((a, b) => a - b)
  const at = (percent: number) => Math.round(percentile(sorted, percent) * 10) / 10
  return { triggers: sorted.length, p50Ms: at(50), p99Ms: at(99) }
}

/** Windows in turn until all is gone. The last one of a run is not counted: it is gone in the middle of it. */
const oneRound = async (rig: IsolationRig, round: number) => {
  await insertOld(rig, round)
  // Runs of 20 s, a second apart: it is at its work whenever it is not frozen.
  const sweep = await rig.start('sweep', {
    BROKER_LOG_LEVEL: 'info',
    BROKER_SWEEP_INTERVAL_MS: '1000',
  })
  const without: number[] = []
  const withRetention: number[] = []
  const startedMs = performance.now()
  for (;;) {
    sweep.pause()
    const still = await load(rig, WINDOW_MS)
    sweep.resume()
    const busy = await load(rig, WINDOW_MS)
    if (removedBy(sweep) >= OLD / 2) break
    without.push(...still)
    withRetention.push(...busy)
  }
  await sweep.stop()
  const forS = Math.round((performance.now() - startedMs) / 1_000)
  const [quiet, pruning] = [figures(without), figures(withRetention)]
  return { forS, quiet, pruning, ratioP99: pruning.p99Ms / quiet.p99Ms }
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

// Children are ended with this process, if it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const rig = await startIsolationRig()
try {
  await Promise.all([rig.start('api'), rig.start('worker')])
  await rig.register('fresh')
  await load(rig, 2 * WINDOW_MS)
  const ratios: number[] = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    const result = await oneRound(rig, round)
    ratios.push(result.ratioP99)
    console.log(`round ${round}`, JSON.stringify(result))
  }
  const left = await rig.count("event_name = 'old'")
  console.log(`median ratio of p99: ${median(ratios).toFixed(2)}; old deliveries left: ${left}`)
} finally {
  await rig.stop()
}
