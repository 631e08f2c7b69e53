// One measured round: a load is fired, every arrival is waited for, and so is the log. What was used is the difference of
// the counters before and after. A round of which a delivery is missing, double or not `delivered` in SQL is no round.

import { setTimeout as wait } from 'node:timers/promises'
import { cpuMsOf, watchMemory, type Parts } from './accounting.ts'
import type { Child } from './child.ts'
import { latencies, type Figures } from './figures.ts'
import type { BareLoad } from './processes/bare.ts'
import type { Load } from './processes/client.ts'
import type { Fired, Pace } from './processes/lanes.ts'
import type { Arrivals } from './processes/receiver.ts'
import { bareParts, brokerParts, type Stage } from './stage.ts'

/** What is fired. The event's webhooks are registered by `register`. */
export type Shape = { eventName: string; fanOut: number; pace: Pace }

export const BODY = JSON.stringify({ text: 'x'.repeat(1_024 - '{"text":""}'.length) })

export const deliveriesOf = ({ fanOut, pace }: Shape): number => fanOut * pace.events
const urlsOf = (stage: Target, { eventName, fanOut }: Omit<Shape, 'pace'>): string[] =>
  Array.from({ length: fanOut }, (_, n) => `${stage.receiverUrl}/${eventName}/${n}`)

/** Where triggers go, and from whom deliveries come. */
type Target = Pick<Stage, 'origin' | 'headers' | 'receiverUrl'>

/** Registers the webhooks of an event, over the API. */
export const register = async (stage: Target, shape: Omit<Shape, 'pace'>): Promise<void> => {
  for (const webhookUrl of urlsOf(stage, shape)) {
    const response = await fetch(`${stage.origin}/api/v0/webhooks`, {
      method: 'POST',
      headers: stage.headers,
      body: JSON.stringify({ eventName: shape.eventName, webhookUrl }),
    })
    if (!response.ok) throw new Error(`registering failed: ${await response.text()}`)
  }
}

export const loadOf = (stage: Target, { eventName, fanOut, pace }: Shape): Load => ({
  origin: stage.origin,
  path: `/api/v0/trigger-event/${eventName}`,
  headers: stage.headers,
  body: BODY,
  pace,
  fanOut,
})

type Measured = {
  receiver: Child
  parts: Parts
  /** Those whose CPU time the receiver and the load have no share in. */
  counted: readonly string[]
  fire(): Promise<Fired>
  /** Resolves when nothing is left to do. */
  settled(): Promise<void>
}

/** @throws Error when not every delivery arrives, or one of them twice */
export const measure = async (deliveries: number, measured: Measured): Promise<Figures> => {
  const { receiver, parts, counted } = measured
  await receiver.ask('expect', deliveries)
  const memory = watchMemory(parts)
  const before = cpuMsOf(parts)
  const fired = await measured.fire()
  const arrivals = await arrivalsOf(receiver, { deliveries, timeoutMs: ARRIVAL_MS })
  await measured.settled()
  const after = cpuMsOf(parts)
  const peaks = memory.stop()
  if (arrivals.copies > 0) throw new Error(`${arrivals.copies} deliveries came twice`)

  const used = (part: string) => (after[part] ?? 0) - (before[part] ?? 0)
  const lastMs = arrivals.atMs.reduce((last, atMs) => Math.max(last, atMs), 0)
  const tookMs = arrivalMs(fired, arrivals)
  const per = (part: string, value: number) => [part, value] as const
  return {
    acceptedPerS: (fired.tookMs.length * 1_000) / (fired.endedMs - fired.startedMs),
    deliveredPerS: (deliveries * 1_000) / (lastMs - fired.startedMs),
    ...latencies('accept', fired.tookMs),
    ...latencies('arrival', tookMs),
    // Those that the queue did not take in time came by the sweep: a few of them spoil a rate that ends with the last.
    late: tookMs.filter((ms) => ms >= LATE_MS).length,
    cpuMsPerDelivery: counted.reduce((sum, part) => sum + used(part), 0) / deliveries,
    // Milliseconds per delivery are seconds per thousand.
    ...Object.fromEntries(
      Object.keys(parts).flatMap((part) => [
        per(`cpuS1000.${part}`, used(part) / deliveries),
        per(`peakMb.${part}`, peaks[part] ?? 0),
      ]),
    ),
  }
}

/** The grace of a delivery: sooner than this the sweep asks for none. */
const LATE_MS = 30_000
/** What the queue has lost comes by the sweep, after its interval and the grace. */
const ARRIVAL_MS = 180_000

export const arrivalsOf = async (
  receiver: Child,
  { deliveries, timeoutMs }: { deliveries: number; timeoutMs: number },
): Promise<Arrivals> => {
  const over = new AbortController()
  const tooLate = wait(timeoutMs, undefined, { signal: over.signal }).then(async () => {
    throw new Error(`only ${await receiver.ask<number>('count')} of ${deliveries} have arrived`)
  })
  try {
    return await Promise.race([receiver.ask<Arrivals>('whenArrived'), tooLate])
  } finally {
    over.abort()
    tooLate.catch(() => undefined)
  }
}

/** From the start of the trigger to the arrival. */
const arrivalMs = ({ startedAtMs }: Fired, { messageIds, atMs }: Arrivals): Float64Array =>
  atMs.map((at, n) => at - (startedAtMs.get(messageIds[n] ?? '') ?? Number.NaN))

/** One round of the bare queue. */
export const bareRound = async (stage: Stage, shape: Shape): Promise<Figures> => {
  const load: BareLoad = { urls: urlsOf(stage, shape), body: BODY, pace: shape.pace }
  return measure(deliveriesOf(shape), {
    receiver: stage.receiver,
    parts: bareParts(stage),
    counted: ['producer', 'worker', 'redis'],
    fire: () => stage.bare.producer.ask('fire', load),
    settled: () => Promise.resolve(),
  })
}

/** Bare requests to the receiver. */
export const limitRound = async (stage: Stage, shape: Shape): Promise<Figures> => {
  const { receiver, client } = stage
  const load = { ...loadOf(stage, shape), origin: stage.receiverUrl, path: '/limit' }
  return measure(deliveriesOf(shape), {
    receiver,
    parts: { client: [client.pid], receiver: [receiver.pid] },
    counted: ['client'],
    fire: () => client.ask('bare', load),
    settled: () => Promise.resolve(),
  })
}

/** One round of the broker, with what it asked of SQL and Redis. */
export const brokerRound = async (stage: Stage, shape: Shape): Promise<Figures> => {
  const deliveries = deliveriesOf(shape)
  const logged = await deliveredOf(stage, shape.eventName)
  const redisBefore = await redisCommands(stage)
  await stage.services.sql('select pg_stat_statements_reset()')
  const figures = await measure(deliveries, {
    receiver: stage.receiver,
    parts: brokerParts(stage),
    counted: ['api', 'worker', 'sweep', 'redis', 'postgres'],
    fire: () => stage.client.ask('fire', loadOf(stage, shape)),
    settled: () => untilEnded(stage),
  })
  const delivered = (await deliveredOf(stage, shape.eventName)) - logged
  if (delivered !== deliveries)
    throw new Error(`${delivered} of ${deliveries} deliveries of ${shape.eventName} are delivered`)
  return {
    ...figures,
    sqlPerDelivery: (await sqlStatements(stage)) / deliveries,
    redisPerDelivery: ((await redisCommands(stage)) - redisBefore) / deliveries,
  }
}

const POLL_MS = 20
const SETTLE_MS = 120_000

/** Until the log has no open delivery. The partial index of open ones makes the question cheap. */
export const untilEnded = async ({ services }: Pick<Stage, 'services'>): Promise<void> => {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const open = await services.sql(
      'select 1 from deliveries where finished_at is null order by due_at limit 1',
    )
    if (open.length === 0) return
    if (waitedMs > SETTLE_MS) throw new Error('deliveries stay open')
    await wait(POLL_MS)
  }
}

/** How many deliveries of an event are delivered, of those with exactly one attempt on record. */
export const deliveredOf = async ({ services }: Stage, eventName: string): Promise<number> => {
  const [row] = await services.sql<{ count: number }>(
    `select count(*)::int as count from deliveries d where event_name = $1 and status = 'delivered'
     and (select count(*) from attempts a where a.delivery_id = d.id and outcome = 'succeeded') = 1`,
    [eventName],
  )
  return row?.count ?? 0
}

/** Statements that the broker has sent since the last reset, whatever they were. */
const sqlStatements = async ({ services }: Stage): Promise<number> => {
  const [row] = await services.sql<{ calls: number }>(
    `select coalesce(sum(calls), 0)::int as calls from pg_stat_statements
     where userid = (select oid from pg_roles where rolname = 'broker')`,
  )
  return row?.calls ?? 0
}

const redisCommands = async ({ api, workers, sweep }: Stage): Promise<number> => {
  const sent = await Promise.all(
    [api, ...workers, sweep].map((child) => child.ask<Record<string, number>>('redisCommands')),
  )
  return sent.flatMap((counts) => Object.values(counts)).reduce((sum, count) => sum + count, 0)
}
