// A replay of many while whoever runs it is killed with -9 again and again. Shared by the quick run and the long one. The
// worker lives: a worker that dies may cause a copy of its own (rows 10 and 11), and what is counted here are the replay's.

import { randomBytes } from 'node:crypto'
import { firstIdAt } from '../../lib/domain/ids.ts'
import { waitUntil } from '../support/wait.ts'
import { print } from './print.ts'
import type { Env, Rig } from './rig.ts'

export type ReplayKills = {
  deliveries: number
  /** At random points of the way, beside those at failpoints. */
  kills: number
  seed: number
  /** Until all has been delivered. */
  timeoutMs: number
}

/** What a replay came to: all of it is counted, in Postgres and by the receiver. */
export type ReplayOutcome = {
  progress: { status: string; total: number; replayed: number; skipped: number }
  /** Deliveries by series and status. */
  deliveries: { series: number; status: string; count: number }[]
  /** Deliveries by what their attempts are, such as `1 failed, 2 succeeded`: series and outcome. */
  attempts: { made: string; count: number }[]
  /** Requests, the deliveries among them, and which attempt each said it was. */
  received: { requests: number; deliveries: number; attempts: number[]; signed: boolean }
  balanced: boolean
}

/** No attempt fails for a machine that is busy: each failure would be an attempt more in its series. */
export const PATIENT: Env = { BROKER_DELIVERY_TIMEOUT_MS: '15000', BROKER_LEASE_MARGIN_MS: '15000' }

const DAY_MS = 86_400_000
const EVENT = 'replayed'

/** Dead and delivered ones of yesterday, one attempt each, to a webhook whose receiver has seen nothing. */
const seedLog = async ({ postgres }: Rig, count: number): Promise<void> => {
  const atMs = Date.now() - DAY_MS
  const tails = Array.from({ length: count }, (_, n) => {
    const time = firstIdAt('msg', atMs + n).slice(4, 14)
    return time + String(n).padStart(16, '0')
  })
  await postgres.sql(
    `with made as materialized (select tail, ordinality as n, now() - interval '1 day' as at
       from unnest($1::text[]) with ordinality as t (tail, ordinality)),
     written as (
       insert into messages (id, tenant, event_name, content_type, payload, matched, created_at)
       select 'msg_' || tail, 'default', $2, 'application/json', convert_to('{"n":' || n || '}', 'UTF8'), 1, at from made
     ),
     sent as (
       insert into deliveries (id, tenant, message_id, webhook_id, event_name, status, attempt_count, steps_used,
         next_attempt_at, due_at, created_at, finished_at, dead_reason)
       select 'dlv_' || tail, 'default', 'msg_' || tail, w.id, $2, 'dead', 1, 1, at, at, at, at, 'schedule_exhausted'
       from made, webhooks w where w.event_name = $2
     )
     insert into attempts (delivery_id, number, series, started_at, finished_at, duration_ms, outcome, code, status_code)
     select 'dlv_' || tail, 1, 1, at, at, 5, 'failed', 'http_status', 503 from made`,
    [tails, EVENT],
  )
}

/** mulberry32: small, and the same everywhere. @returns numbers in [0, 1) */
const makeDice = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** By event alone: it matches what has been replayed as well, so only the replay's own place keeps it from a second time. */
const startReplay = async ({ env }: Rig): Promise<string> => {
  const response = await fetch(`http://127.0.0.1:${env['PORT'] ?? ''}/api/v0/replays`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ filter: { eventName: EVENT } }),
  })
  const body = (await response.json()) as { id: string }
  if (response.status !== 202) throw new Error(`not started: ${JSON.stringify(body)}`)
  return body.id
}

/** Runs a replay through all of it. @returns what it came to, once nothing is open any more */
export const replayUnderKills = async (rig: Rig, run: ReplayKills): Promise<ReplayOutcome> => {
  const { postgres } = rig
  const dice = makeDice(run.seed)
  print(`replay: ${run.deliveries} deliveries, ${run.kills} kills, seed ${run.seed}`)
  const replayed = async () => {
    const [row] = await postgres.sql<{ replayed: number }>('select replayed from replays')
    return row?.replayed ?? 0
  }
  let api = await rig.start('api', QUIET)
  await rig.webhooks(EVENT)
  await seedLog(rig, run.deliveries)
  await rig.start('worker', QUIET)
  const id = await startReplay(rig)

  for (let kill = 1; kill <= run.kills; kill += 1) {
    const part = run.deliveries / (run.kills + 1)
    const at = Math.floor(part * (kill - 0.5 + dice()))
    await waitUntil(async () => (await replayed()) >= at, {
      timeoutMs: run.timeoutMs,
      message: `${at} of ${run.deliveries} to be replayed`,
    })
    // Anywhere between this batch and the end of the next, in the middle of a transaction as well.
    await pass(dice() * BETWEEN_BATCHES_MS)
    await api.kill9()
    await dieAtFailpoint(rig, FAILPOINTS[kill % FAILPOINTS.length])
    api = await rig.start('api', QUIET)
  }
  await rig.start('sweep', QUIET)
  const finished = () => postgres.sql("select 1 from replays where status = 'finished'")
  await waitUntil(async () => (await finished()).length === 1, {
    timeoutMs: run.timeoutMs,
    message: 'the end of the replay',
  })
  await rig.settle({ timeoutMs: run.timeoutMs })
  return outcomeOf(rig, id)
}

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

// 250 deliveries at 500 a second.
const BETWEEN_BATCHES_MS = 500

const QUIET: Env = { BROKER_LOG_LEVEL: 'warn' }

// What the next one dies of: the batch is committed and the queue knows nothing; or knows, and nobody went on.
const FAILPOINTS = ['R1=kill@1', 'R2=kill@1', 'R1=kill@2'] as const

/** A process that takes the replay over and dies at once. */
const dieAtFailpoint = async (rig: Rig, failpoint = ''): Promise<void> => {
  // An API that is not ready when it dies would fail to start: the sweep is ready only after it began.
  const victim = await rig.start('sweep', { ...QUIET, FAILPOINTS: failpoint })
  const { signal } = await victim.exited
  if (signal !== 'SIGKILL') throw new Error(`the sweep lived on after ${failpoint}`)
}

const outcomeOf = async ({ postgres, receiver, client, env }: Rig, id: string) => {
  const answer = await fetch(`http://127.0.0.1:${env['PORT'] ?? ''}/api/v0/replays/${id}`)
  const { status, total, replayed, skipped } = (await answer.json()) as ReplayOutcome['progress'] &
    object
  const lines = receiver.lines().filter(({ path }) => path === `/${EVENT}`)
  return {
    progress: { status, total, replayed, skipped },
    deliveries: await postgres.sql<ReplayOutcome['deliveries'][number]>(
      `select series::int, status, count(*)::int as count from deliveries where event_name = $1 group by 1, 2 order by 1, 2`,
      [EVENT],
    ),
    attempts: await postgres.sql<ReplayOutcome['attempts'][number]>(
      `select made, count(*)::int as count from (
         select string_agg(a.series || ' ' || a.outcome, ', ' order by a.number) as made
         from attempts a join deliveries d on d.id = a.delivery_id where d.event_name = $1 group by a.delivery_id
       ) each group by 1 order by 1`,
      [EVENT],
    ),
    received: {
      requests: lines.length,
      deliveries: new Set(lines.map(({ deliveryId }) => deliveryId)).size,
      attempts: [...new Set(lines.map(({ attempt }) => attempt))].sort(),
      signed: lines.every(({ signatureOk }) => signatureOk),
    },
    balanced: (await client.audit()).balanced,
  }
}

/** What is right: one more series for each delivery, and one request. */
export const eachOnce = (count: number): ReplayOutcome => ({
  progress: { status: 'finished', total: count, replayed: count, skipped: 0 },
  deliveries: [{ series: 2, status: 'delivered', count }],
  attempts: [{ made: '1 failed, 2 succeeded', count }],
  received: { requests: count, deliveries: count, attempts: [2], signed: true },
  balanced: true,
})

/** REPLAY_SEED repeats a run. */
export const seedOf = (): number =>
  Number(process.env['REPLAY_SEED'] ?? randomBytes(3).readUIntBE(0, 3))
