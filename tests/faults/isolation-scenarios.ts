// What docs/isolation.md promises, as scenarios that a test runs short and the benchmark runs at full length. They measure
// and judge nothing: figures of the same run are compared by whoever asked.

import { percentile, startIsolationRig, type IsolationRig } from './isolation-rig.ts'

export type Latency = { p50Ms: number; p95Ms: number; p99Ms: number; lost: number }
export type Compared = { without: Latency; withBad: Latency; openBad: number }

const WARM_UP_MS = 3_000
const ARRIVE_MS = 60_000

const summary = (sorted: readonly number[]): Latency => ({
  p50Ms: Math.round(percentile(sorted, 50)),
  p95Ms: Math.round(percentile(sorted, 95)),
  p99Ms: Math.round(percentile(sorted, 99)),
  lost: sorted.filter((latency) => !Number.isFinite(latency)).length,
})

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}.${index}`)

type Healthy = { eventNames: readonly string[]; perSecond: number; forMs: number }

/** The latency of the healthy ones under their own load. */
const measure = async (rig: IsolationRig, load: Healthy, beside?: () => Promise<unknown>) => {
  await rig.forgetArrivals()
  const sinceMs = Date.now()
  await Promise.all([rig.load(load), beside?.()])
  const list = load.eventNames.map((name) => `'${name}'`).join(',')
  await rig.untilCount(`event_name in (${list}) and finished_at is null`, 0, ARRIVE_MS)
  return summary(await rig.latencies(load.eventNames, sinceMs))
}

export type HangingOptions = {
  backlog: number
  forMs: number
  /** Measured in turn, without and with: a machine that others use as well is not the same from minute to minute. */
  rounds: number
  env?: Readonly<Record<string, string>>
}

/** One webhook hangs until the timeout with a backlog; 50 healthy ones get 200 events a second in total. */
export const hanging = async (options: HangingOptions): Promise<Compared[]> => {
  const { backlog, forMs, rounds, env = {} } = options
  const rig = await startIsolationRig(env)
  try {
    await Promise.all([rig.start('api'), rig.start('worker'), rig.start('sweep')])
    const load = { eventNames: names('healthy', 50), perSecond: 200, forMs }
    for (const name of load.eventNames) await rig.register(name)
    await measure(rig, { ...load, forMs: WARM_UP_MS })
    const compared: Compared[] = []
    for (const name of names('hangs', rounds)) {
      const without = await measure(rig, load)
      await rig.register(name)
      await rig.behave(name, { hang: true })
      await rig.pile(name, backlog)
      const withBad = await measure(rig, load)
      compared.push({ without, withBad, openBad: await rig.count(`finished_at is null`) })
      // The next round begins without it.
      await rig.postgres.sql('delete from deliveries where event_name = $1', [name])
      await rig.behave(name, {})
    }
    return compared
  } finally {
    await rig.stop()
  }
}

export type DeadOptions = {
  receivers: number
  perSecond: number
  forMs: number
  rounds: number
  env?: Readonly<Record<string, string>>
}

/** 30 % of the receivers are dead, half of these hang and half answer 503; all get events alike. */
export const dead = async (options: DeadOptions): Promise<Compared[]> => {
  const { receivers, perSecond, forMs, rounds, env = {} } = options
  const rig = await startIsolationRig(env)
  try {
    await Promise.all([rig.start('api'), rig.start('worker'), rig.start('sweep')])
    const bad = names('bad', Math.round(receivers * 0.3))
    const good = names('good', receivers - bad.length)
    for (const name of [...bad, ...good]) await rig.register(name)
    const load = { eventNames: good, perSecond: perSecond * 0.7, forMs }
    const rest = { eventNames: bad, perSecond: perSecond * 0.3, forMs }
    await rig.load({ eventNames: [...bad, ...good], perSecond, forMs: WARM_UP_MS })
    const compared: Compared[] = []
    for (let round = 0; round < rounds; round += 1) {
      // Without a bad one, all of them get their events.
      const without = await measure(rig, load, () => rig.load(rest))
      for (const [index, name] of bad.entries())
        await rig.behave(name, index % 2 === 0 ? { hang: true } : { status: 503 })
      const withBad = await measure(rig, load, () => rig.load(rest))
      compared.push({ without, withBad, openBad: await rig.count(`finished_at is null`) })
      for (const name of bad) await rig.behave(name, {})
      await rig.postgres.sql('delete from deliveries where finished_at is null')
      await rig.postgres.sql('delete from webhook_health')
    }
    return compared
  } finally {
    await rig.stop()
  }
}

export type RecoveryOptions = {
  perSecond: number
  deadForMs: number
  /** After which nothing more is triggered. */
  patienceMs: number
  env?: Readonly<Record<string, string>>
}

export type Recovery = {
  /** Requests that reached the receiver while it was dead. */
  reachedWhileDead: number
  accepted: number
  backlog: number
  /** From the return until the last of the backlog had arrived. */
  backlogMs: number
  /** Arrivals in each second after the first one that succeeded. */
  ramp: number[]
  lost: number
  copies: number
}

/** A receiver that answers 503 under a steady load, and returns. */
export const recovery = async (options: RecoveryOptions): Promise<Recovery> => {
  const { perSecond, deadForMs, patienceMs, env = {} } = options
  const rig = await startIsolationRig(env)
  try {
    await Promise.all([rig.start('api'), rig.start('worker'), rig.start('sweep')])
    await rig.register('comes-back')
    const load = { eventNames: ['comes-back'], perSecond }
    await rig.load({ ...load, forMs: 2_000 })
    await rig.untilCount('finished_at is null', 0, ARRIVE_MS)
    await rig.behave('comes-back', { status: 503 })
    const before = (await rig.arrivals()).length
    const missed = await rig.load({ ...load, forMs: deadForMs })
    const reachedWhileDead = (await rig.arrivals()).length - before
    await rig.behave('comes-back', {})
    const returnedMs = Date.now()
    const old = `finished_at is null and created_at < to_timestamp(${returnedMs / 1_000})`
    const [during, backlogMs] = await Promise.all([
      rig.load({ ...load, forMs: Math.min(20_000, patienceMs) }),
      rig.untilCount(old, 0, patienceMs).then(() => Date.now() - returnedMs),
    ])
    await rig.untilCount('finished_at is null', 0, patienceMs)
    return {
      ...judged(await rig.arrivals()),
      reachedWhileDead,
      accepted: missed + during + 2 * perSecond,
      backlog: missed,
      backlogMs,
      lost: await rig.count(`status <> 'delivered'`),
    }
  } finally {
    await rig.stop()
  }
}

const judged = (arrivals: Awaited<ReturnType<IsolationRig['arrivals']>>) => {
  const good = arrivals.filter(([, , , status]) => status === 200)
  const lastBad = Math.max(...arrivals.filter(([, , , s]) => s !== 200).map(([, , at]) => at))
  const after = good.filter(([, , at]) => at > lastBad)
  const firstMs = Math.min(...after.map(([, , at]) => at))
  const ramp: number[] = []
  for (const [, , at] of after) {
    const second = Math.floor((at - firstMs) / 1_000)
    ramp[second] = (ramp[second] ?? 0) + 1
  }
  const copies = good.length - new Set(good.map(([, id]) => id)).size
  return { ramp: Array.from({ length: ramp.length }, (_, second) => ramp[second] ?? 0), copies }
}

export type RateOptions = {
  workers: number
  limit: number
  events: number
  /** Listens for so long after the first second. */
  forMs: number
  env?: Readonly<Record<string, string>>
}

/** Arrivals after the first second: the most in any second, and how many a second while there was work. */
export type Rate = { most: number; perSecond: number; arrived: number; attempts: number }

/** Several workers deliver to one webhook with a rate limit, from a backlog that is larger than what may be sent. */
export const rate = async (options: RateOptions): Promise<Rate> => {
  const { workers, limit, events, forMs, env = {} } = options
  const rig = await startIsolationRig(env)
  try {
    await Promise.all([
      rig.start('api'),
      ...Array.from({ length: workers }, () => rig.start('worker')),
    ])
    await rig.register('limited', { rateLimit: { limit, perSeconds: 1 } })
    await rig.pile('limited', events)
    const [first = Date.now()] = (await rig.arrivals()).map(([, , atMs]) => atMs)
    // What is measured begins when nothing is triggered any more: the triggers of a test are not the broker's load.
    const fromMs = Math.max(first + 1_000, Date.now())
    await new Promise((resolve) => setTimeout(resolve, fromMs + forMs - Date.now()))
    const times = (await rig.arrivals())
      .map(([, , atMs]) => atMs)
      .filter((atMs) => atMs >= fromMs && atMs < fromMs + forMs)
    const most = Math.max(
      ...times.map((atMs) => times.filter((other) => other >= atMs && other < atMs + 1_000).length),
    )
    const [row] = await rig.postgres.sql<{ attempts: number }>(
      'select sum(attempt_count)::int as attempts from deliveries',
    )
    const arrived = (await rig.arrivals()).length
    const perSecond = (times.length * 1_000) / forMs
    return { most, perSecond, arrived, attempts: row?.attempts ?? 0 }
  } finally {
    await rig.stop()
  }
}
