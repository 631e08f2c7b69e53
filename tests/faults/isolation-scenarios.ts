// What docs/isolation.md promises, as scenarios that a test runs short and the benchmark runs at full length. They measure
// and judge nothing: figures of the same run are compared by whoever asked. API and workers run already.

import { percentile, type IsolationRig } from './isolation-rig.ts'
import type { Arrival } from './load-receiver-process.ts'

export type Latency = { p50Ms: number; p95Ms: number; p99Ms: number; lost: number }
export type Compared = { without: Latency; withBad: Latency; openBad: number }

// What a machine that stood still kept from the queue is brought by the sweep: 30 s of grace, and a minute between two.
const ARRIVE_MS = 120_000

const summary = (sorted: readonly number[]): Latency => ({
  p50Ms: Math.round(percentile(sorted, 50)),
  p95Ms: Math.round(percentile(sorted, 95)),
  p99Ms: Math.round(percentile(sorted, 99)),
  lost: sorted.filter((latency) => !Number.isFinite(latency)).length,
})

export const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}.${index}`)

export type Healthy = { eventNames: readonly string[]; perSecond: number; forMs: number }

/** The latency of the healthy ones under their own load. */
export const measure = async (
  rig: IsolationRig,
  load: Healthy,
  beside?: () => Promise<unknown>,
) => {
  await rig.forgetArrivals()
  const sinceMs = Date.now()
  await Promise.all([rig.load(load), beside?.()])
  const list = load.eventNames.map((name) => `'${name}'`).join(',')
  await rig.untilCount(`event_name in (${list}) and finished_at is null`, 0, ARRIVE_MS)
  return summary(await rig.latencies(load.eventNames, sinceMs))
}

export type HangingOptions = {
  healthy: number
  backlog: number
  forMs: number
  /** Measured in turn, without and with: a machine that others use as well is not the same from minute to minute. */
  rounds: number
}

/** One webhook hangs until the timeout with a backlog; the healthy ones get 200 events a second in total. */
export const hanging = async (rig: IsolationRig, options: HangingOptions): Promise<Compared[]> => {
  const { healthy, backlog, forMs, rounds } = options
  const load = { eventNames: names('healthy', healthy), perSecond: 200, forMs }
  for (const name of load.eventNames) await rig.register(name)
  await measure(rig, { ...load, forMs: 1_000 })
  const compared: Compared[] = []
  for (const name of names('hangs', rounds)) {
    const without = await measure(rig, load)
    await rig.register(name)
    await rig.behave(name, { hang: true })
    await rig.pile(name, backlog)
    const withBad = await measure(rig, load)
    const openBad = await rig.count(`event_name = '${name}' and finished_at is null`)
    compared.push({ without, withBad, openBad })
    // The next round begins without it.
    await rig.postgres.sql('delete from deliveries where event_name = $1', [name])
    await rig.behave(name, {})
  }
  return compared
}

export type DeadOptions = { receivers: number; perSecond: number; forMs: number; rounds: number }

/** 30 % of the receivers are dead, half of these hang and half answer 503; all get events alike. */
export const dead = async (rig: IsolationRig, options: DeadOptions): Promise<Compared[]> => {
  const { receivers, perSecond, forMs, rounds } = options
  const bad = names('bad', Math.round(receivers * 0.3))
  const good = names('good', receivers - bad.length)
  for (const name of [...bad, ...good]) await rig.register(name)
  const load = { eventNames: good, perSecond: perSecond * 0.7, forMs }
  const rest = { eventNames: bad, perSecond: perSecond * 0.3, forMs }
  await rig.load({ eventNames: [...bad, ...good], perSecond, forMs: 3_000 })
  const compared: Compared[] = []
  for (let round = 0; round < rounds; round += 1) {
    // Without a bad one, all of them get their events.
    const without = await measure(rig, load, () => rig.load(rest))
    for (const [index, name] of bad.entries())
      await rig.behave(name, index % 2 === 0 ? { hang: true } : { status: 503 })
    const withBad = await measure(rig, load, () => rig.load(rest))
    compared.push({ without, withBad, openBad: await rig.count('finished_at is null') })
    for (const name of bad) await rig.behave(name, {})
    await rig.postgres.sql('delete from deliveries where finished_at is null')
    await rig.postgres.sql('delete from webhook_health')
  }
  return compared
}

export type RecoveryOptions = {
  perSecond: number
  deadForMs: number
  patienceMs: number
  /** How long events go on after the return. */
  loadAfterMs: number
}

export type Recovery = {
  /** Requests that reached the receiver while it was dead. */
  reachedWhileDead: number
  backlog: number
  /** From the return until the last of the backlog had arrived. */
  backlogMs: number
  /** From the return until the first request after it. */
  noticedMs: number
  /** Arrivals in each second after the first one that succeeded. */
  ramp: number[]
  lost: number
  copies: number
}

/** A receiver that answers 503 under a steady load, and returns. */
export const recovery = async (rig: IsolationRig, options: RecoveryOptions): Promise<Recovery> => {
  const { perSecond, deadForMs, patienceMs, loadAfterMs } = options
  const mine = `event_name = 'comes-back'`
  await rig.register('comes-back')
  const load = { eventNames: ['comes-back'], perSecond }
  await rig.load({ ...load, forMs: 1_000 })
  await rig.untilCount(`${mine} and finished_at is null`, 0, ARRIVE_MS)
  await rig.behave('comes-back', { status: 503 })
  const before = (await rig.arrivals('comes-back')).length
  const backlog = await rig.load({ ...load, forMs: deadForMs })
  const reachedWhileDead = (await rig.arrivals('comes-back')).length - before
  await rig.behave('comes-back', {})
  const returnedMs = Date.now()
  const open = `${mine} and finished_at is null`
  const old = `${open} and created_at < to_timestamp(${returnedMs / 1_000})`
  const [, backlogMs] = await Promise.all([
    rig.load({ ...load, forMs: loadAfterMs }),
    rig.untilCount(old, 0, patienceMs).then(() => Date.now() - returnedMs),
  ])
  await rig.untilCount(open, 0, patienceMs)
  return {
    reachedWhileDead,
    backlog,
    backlogMs,
    ...afterReturn(await rig.arrivals('comes-back'), returnedMs),
    lost: await rig.count(`${mine} and status <> 'delivered'`),
  }
}

const afterReturn = (arrivals: readonly Arrival[], returnedMs: number) => {
  const good = arrivals.filter(([, , , status]) => status === 200)
  const times = good.map(([, , at]) => at).filter((at) => at >= returnedMs)
  const firstMs = Math.min(...times)
  const seconds = times.map((at) => Math.floor((at - firstMs) / 1_000))
  const ramp = Array.from(
    { length: Math.max(...seconds) + 1 },
    (_, second) => seconds.filter((one) => one === second).length,
  )
  const copies = good.length - new Set(good.map(([, id]) => id)).size
  return { ramp, copies, noticedMs: firstMs - returnedMs }
}

export type RateOptions = { limit: number; events: number; forMs: number }

/** Arrivals after the first second: the most in any second, and how many a second while there was work. */
export type Rate = { most: number; perSecond: number; arrived: number; attempts: number }

/** The workers deliver to one webhook with a rate limit, from a backlog that is larger than what may be sent. */
export const rate = async (rig: IsolationRig, options: RateOptions): Promise<Rate> => {
  const { limit, events, forMs } = options
  await rig.register('limited', { rateLimit: { limit, perSeconds: 1 } })
  await rig.pile('limited', events)
  const [first = Date.now()] = (await rig.arrivals('limited')).map(([, , atMs]) => atMs)
  // What is measured begins when nothing is triggered any more: the triggers of a test are not the broker's load.
  const fromMs = Math.max(first + 1_000, Date.now())
  await new Promise((resolve) => setTimeout(resolve, fromMs + forMs - Date.now()))
  const all = (await rig.arrivals('limited')).map(([, , atMs]) => atMs)
  const times = all.filter((atMs) => atMs >= fromMs && atMs < fromMs + forMs)
  const most = Math.max(
    ...times.map((atMs) => times.filter((other) => other >= atMs && other < atMs + 1_000).length),
  )
  const [row] = await rig.postgres.sql<{ attempts: number }>(
    `select sum(attempt_count)::int as attempts from deliveries where event_name = 'limited'`,
  )
  const perSecond = (times.length * 1_000) / forMs
  return { most, perSecond, arrived: all.length, attempts: row?.attempts ?? 0 }
}

/** The retries of deliveries that failed together: how many in all, and the largest share in 5 % of their window. */
export type Spread = { retries: number; windowMs: number; mostIn5Percent: number }

/** One event fails at all of its webhooks. */
export const spread = async (rig: IsolationRig, webhooks: number): Promise<Spread> => {
  for (let n = 0; n < webhooks; n += 1) await rig.register('fails', {}, `?n=${n}`)
  await rig.behave('fails', { status: 503 })
  await rig.trigger('fails')
  await rig.untilCount(`event_name = 'fails' and status = 'retrying'`, webhooks, ARRIVE_MS)
  await rig.behave('fails', {})
  await rig.untilCount(`event_name = 'fails' and status = 'delivered'`, webhooks, ARRIVE_MS)
  const times = (await rig.arrivals('fails'))
    .filter(([, , , status]) => status === 200)
    .map(([, , atMs]) => atMs)
    .sort((a, b) => a - b)
  const windowMs = (times.at(-1) ?? 0) - (times[0] ?? 0)
  const most = Math.max(
    ...times.map((from) => times.filter((at) => at >= from && at < from + windowMs / 20).length),
  )
  return { retries: times.length, windowMs, mostIn5Percent: most / times.length }
}
