// Metrics of a function: CloudWatch reads them out of lines in the log (embedded metric format), so that nothing is sent
// and nothing waits. Counts collect while an invocation runs and are written when it ends.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

import type { BrokerState, Log } from './broker/ports.ts'
import { countingLog, type CounterName, type DurationName } from './stations.ts'

export type EmbeddedMetrics = {
  /** A log that counts what passes. */
  counting(log: Log): Log
  /** The state of the whole broker, once a sweep. */
  state(state: BrokerState, queueDepth: number | undefined): void
  /** Writes what has collected; nothing when there is nothing. */
  flush(): void
}

const NAMESPACE = 'webhook-broker'
// CloudWatch takes no more values of one metric in a line.
const MOST_VALUES = 100

type Labels = Record<string, string>
type Unit = 'Count' | 'Seconds' | 'None'
type Values = Map<string, { unit: Unit; values: number[] }>

/**
 * @param role the function, as the dimension of every metric
 * @param nowMs milliseconds since 1970
 * @param write takes one line, without its end
 */
export const makeEmbeddedMetrics = ({
  role,
  nowMs,
  write,
}: {
  role: string
  nowMs: () => number
  write: (line: string) => void
}): EmbeddedMetrics => {
  // By dimensions: each combination is a line of its own.
  const groups = new Map<string, { labels: Labels; metrics: Values }>()
  const metric = (name: string, unit: Unit, labels: Labels): number[] => {
    const key = JSON.stringify(labels)
    const group = groups.get(key) ?? { labels, metrics: new Map() as Values }
    groups.set(key, group)
    const found = group.metrics.get(name) ?? { unit, values: [] as number[] }
    group.metrics.set(name, found)
    return found.values
  }
  const sink = {
    count: (name: CounterName, by: number, labels: Labels = {}) => {
      const values = metric(name, 'Count', labels)
      values[0] = (values[0] ?? 0) + by
    },
    observe: (name: DurationName, seconds: number) => {
      metric(name, 'Seconds', {}).push(seconds)
    },
  }
  return {
    counting: (log) => countingLog(log, sink),
    state: (state, queueDepth) => {
      for (const { waiting, count } of state.open) {
        metric('open_deliveries', 'Count', { waiting })[0] = count
      }
      for (const { state: name, count } of state.webhooks) {
        metric('webhooks', 'Count', { state: name })[0] = count
      }
      metric('oldest_due_age_seconds', 'Seconds', {})[0] = state.oldestDueAgeS
      if (queueDepth !== undefined) metric('queue_depth', 'Count', {})[0] = queueDepth
    },
    flush: () => {
      for (const { labels, metrics } of groups.values()) {
        for (const part of parts(metrics)) write(line({ function: role, ...labels }, part, nowMs()))
      }
      groups.clear()
    },
  }
}

/** So many values at a time. */
function* parts(metrics: Values): Generator<Values> {
  const most = Math.max(...[...metrics.values()].map(({ values }) => values.length))
  for (let at = 0; at < most; at += MOST_VALUES) {
    const part = [...metrics]
      .map(
        ([name, { unit, values }]) =>
          [name, { unit, values: values.slice(at, at + MOST_VALUES) }] as const,
      )
      .filter(([, { values }]) => values.length > 0)
    yield new Map(part)
  }
}

const line = (dimensions: Labels, metrics: Values, timestamp: number): string =>
  JSON.stringify({
    _aws: {
      Timestamp: timestamp,
      CloudWatchMetrics: [
        {
          Namespace: NAMESPACE,
          Dimensions: [Object.keys(dimensions)],
          Metrics: [...metrics].map(([name, { unit }]) => ({ Name: name, Unit: unit })),
        },
      ],
    },
    ...dimensions,
    ...Object.fromEntries(
      [...metrics].map(([name, { values }]) => [name, values.length === 1 ? values[0] : values]),
    ),
  })
