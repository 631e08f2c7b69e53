// Prometheus metrics: counts of what this process logged, and the state of the whole broker, asked for when somebody
// looks. Labels are bounded: codes and reasons of ours, never a URL or an id.

import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { BrokerState, Log } from './broker/ports.ts'
import { countingLog, type CounterName, type DurationName } from './stations.ts'

/** Where the gauges come from; what is not there is left out. */
export type StateSources = {
  broker: () => Promise<BrokerState>
  /** Jobs that wait or are delayed; undefined for a broker without Redis. */
  queueDepth?: (() => Promise<number>) | undefined
  /** Milliseconds that only grow. */
  elapsedMs: () => number
}

export type Metrics = {
  /** A log that counts what passes. */
  counting(log: Log): Log
  /** From now on the gauges are read from these, at most once in ten seconds. */
  watch(sources: StateSources): void
  /** The text format of Prometheus. */
  render(): Promise<string>
  contentType: string
}

const COUNTERS: Record<CounterName, [help: string, ...labels: string[]]> = {
  messages_accepted_total: ['triggers answered 202, replayed keys left out'],
  deliveries_accepted_total: ['deliveries made by accepted triggers'],
  attempts_total: ['attempts by outcome code and what followed', 'code', 'plan'],
  deliveries_dead_total: ['deliveries that ended without a 2xx, by reason', 'reason'],
  sweep_findings_total: ['deliveries that were due, by what the sweep found', 'finding'],
  sweep_repairs_total: ['jobs that the sweep added or replaced', 'repair'],
  redis_losses_total: ['times that Redis was found emptied or rolled back'],
  audit_mismatches_total: ['days whose deliveries did not add up in an audit'],
  breaker_changes_total: ['breakers that opened or closed', 'to'],
  webhooks_disabled_total: ['webhooks that the broker disabled, by reason', 'reason'],
}

const DURATIONS: Record<DurationName, string> = {
  first_byte_seconds: 'from the accept to the first byte of the first attempt',
  delivered_seconds: 'from the accept to the recorded 2xx, replays left out',
  attempt_seconds: 'one attempt, from connecting to the end of the answer',
}

// From a healthy receiver to the end of the retry schedule.
const SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 86_400,
  259_200,
]

const PREFIX = 'webhook_broker_'

export const makeMetrics = (): Metrics => {
  const registers = [new Registry()]
  const [registry = new Registry()] = registers
  const counters = mapValues(
    COUNTERS,
    (name, [help, ...labelNames]) =>
      new Counter({ name: PREFIX + name, help, labelNames, registers }),
  )
  const histograms = mapValues(
    DURATIONS,
    (name, help) => new Histogram({ name: PREFIX + name, help, buckets: SECONDS, registers }),
  )
  const sink = {
    count: (name: CounterName, by: number, labels: Record<string, string> = {}) =>
      counters[name].inc(labels, by),
    observe: (name: DurationName, seconds: number) => histograms[name].observe(seconds),
  }
  let refresh: () => Promise<void> = () => Promise.resolve()
  return {
    counting: (log) => countingLog(log, sink),
    watch: (sources) => {
      refresh = makeGauges(registers, sources)
    },
    render: async () => {
      await refresh()
      return registry.metrics()
    },
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
  }
}

const mapValues = <K extends string, V, R>(
  values: Record<K, V>,
  make: (name: K, value: V) => R,
): Record<K, R> =>
  Object.fromEntries(
    Object.entries<V>(values).map(([name, value]) => [name, make(name as K, value)]),
  ) as Record<K, R>

// Several scrapers, or an impatient one, cost Postgres no more than one.
const KEPT_MS = 10_000

/** @returns brings the gauges up to date; never fails: a store that is away is a gauge itself */
const makeGauges = (registers: Registry[], sources: StateSources): (() => Promise<void>) => {
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name: PREFIX + name, help, labelNames, registers })
  const up = gauge('store_up', 'whether the store answered, 1 or 0', 'store')
  const open = gauge('open_deliveries', 'open deliveries by what they wait for', 'waiting')
  const oldest = gauge('oldest_due_age_seconds', 'how long the most overdue delivery has been due')
  const swept = gauge(
    'sweep_last_finished_seconds',
    'when the last sweep finished, seconds since 1970',
  )
  const rolled = gauge('stats_rolled_until_seconds', 'until when /stats is rolled up')
  const webhooks = gauge('webhooks', 'webhooks by the state of their breaker', 'state')
  const depth = gauge('queue_depth', 'jobs that wait or are delayed in the queue')

  const readPostgres = async () => {
    const state = await sources.broker()
    open.reset()
    for (const { waiting, count } of state.open) open.set({ waiting }, count)
    oldest.set(state.oldestDueAgeS)
    swept.set(state.lastSweepAtS ?? 0)
    rolled.set(state.statsRolledUntilS)
    webhooks.reset()
    for (const { state: name, count } of state.webhooks) webhooks.set({ state: name }, count)
  }
  const readRedis = async () => depth.set((await sources.queueDepth?.()) ?? 0)
  // An old value would look like a healthy one. NaN is what Prometheus has for "not known".
  const forgetPostgres = () => {
    for (const labelled of [open, webhooks]) labelled.reset()
    for (const single of [oldest, swept, rolled]) single.set(Number.NaN)
  }
  const told = async (store: string, read: () => Promise<void>, forget: () => void) => {
    try {
      await read()
      up.set({ store }, 1)
    } catch {
      up.set({ store }, 0)
      forget()
    }
  }
  let readAtMs = -Infinity
  let reading: Promise<unknown> = Promise.resolve()
  return async () => {
    if (sources.elapsedMs() - readAtMs >= KEPT_MS) {
      readAtMs = sources.elapsedMs()
      reading = Promise.all([
        told('postgres', readPostgres, forgetPostgres),
        sources.queueDepth === undefined
          ? undefined
          : told('redis', readRedis, () => depth.set(Number.NaN)),
      ])
    }
    await reading
  }
}
