// Prometheus metrics, counted from the same stations that are logged: what is a line is a number, and no use case has to
// know of both. Labels are bounded: codes and reasons of ours, never a URL or an id.

import { Counter, Gauge, Registry } from 'prom-client'
import type { Log } from './broker/ports.ts'

export type Metrics = {
  /** A log that counts what passes. */
  counting(log: Log): Log
  /** The text format of Prometheus. */
  render(): Promise<string>
  contentType: string
}

type Fields = Record<string, unknown>
type Stations = Record<string, (fields: Fields) => void>

export const makeMetrics = (): Metrics => {
  const registry = new Registry()
  const stations = makeStations([registry])
  const through =
    (write: Log['info']): Log['info'] =>
    (event, fields) => {
      stations[event]?.(fields)
      write(event, fields)
    }
  return {
    counting: (log) => ({
      info: through(log.info),
      warn: through(log.warn),
      error: through(log.error),
    }),
    render: () => registry.metrics(),
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
  }
}

/** What is counted at each station. */
const makeStations = (registers: Registry[]): Stations => {
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `webhook_broker_${name}`, help, labelNames, registers })
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `webhook_broker_${name}`, help, registers })

  const accepted = counter(
    'messages_accepted_total',
    'triggers answered 202, replayed keys left out',
  )
  const matched = counter('deliveries_accepted_total', 'deliveries made by accepted triggers')
  const attempts = counter('attempts_total', 'attempts by outcome code and what followed', [
    'code',
    'plan',
  ])
  const dead = counter('deliveries_dead_total', 'deliveries that ended without a 2xx, by reason', [
    'reason',
  ])
  const found = counter(
    'sweep_findings_total',
    'deliveries that were due, by what the sweep found',
    ['finding'],
  )
  const repaired = counter('sweep_repairs_total', 'jobs that the sweep added or replaced', [
    'repair',
  ])
  const lost = counter('redis_losses_total', 'times that Redis was found emptied or rolled back')
  const swept = gauge(
    'sweep_last_finished_seconds',
    'when the last sweep finished, seconds since 1970',
  )
  const mismatches = counter(
    'audit_mismatches_total',
    'days whose deliveries did not add up in an audit',
  )

  return {
    'message.accepted': ({ replayed, deliveries }) => {
      if (replayed === true) return
      accepted.inc()
      matched.inc(Number(deliveries))
    },
    'attempt.finished': ({ code, plan }) =>
      attempts.inc({ code: String(code), plan: String(plan) }),
    'delivery.dead': ({ reason }) => dead.inc({ reason: String(reason) }),
    'sweep.finished': (summary) => {
      for (const [finding, count] of Object.entries(summary['found'] as Record<string, number>)) {
        found.inc({ finding }, count)
      }
      for (const repair of ['requeued', 'replaced', 'abandoned']) {
        repaired.inc({ repair }, Number(summary[repair]))
      }
      if (summary['redisLost'] === true) lost.inc()
      swept.setToCurrentTime()
    },
    'audit.mismatch': () => mismatches.inc(),
  }
}
