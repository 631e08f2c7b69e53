// What is counted at each station of the log: what is a line is a number, and no use case has to know of both. Where the
// numbers go (Prometheus, CloudWatch) is the sink's business. Labels are codes and reasons of ours, never a URL or an id.

import type { Log } from './broker/ports.ts'

export type CounterName =
  | 'messages_accepted_total'
  | 'deliveries_accepted_total'
  | 'attempts_total'
  | 'deliveries_dead_total'
  | 'sweep_findings_total'
  | 'sweep_repairs_total'
  | 'redis_losses_total'
  | 'audit_mismatches_total'
  | 'breaker_changes_total'
  | 'webhooks_disabled_total'

export type DurationName = 'first_byte_seconds' | 'delivered_seconds' | 'attempt_seconds'

export type Sink = {
  count(name: CounterName, by: number, labels?: Record<string, string>): void
  observe(name: DurationName, seconds: number): void
}

type Fields = Record<string, unknown>

/** A log that counts what passes. */
export const countingLog = (log: Log, sink: Sink): Log => {
  const through =
    (write: Log['info']): Log['info'] =>
    (event, fields) => {
      STATIONS[event]?.(fields, sink)
      write(event, fields)
    }
  return { info: through(log.info), warn: through(log.warn), error: through(log.error) }
}

const STATIONS: Record<string, (fields: Fields, sink: Sink) => void> = {
  'message.accepted': ({ replayed, deliveries }, { count }) => {
    if (replayed === true) return
    count('messages_accepted_total', 1)
    count('deliveries_accepted_total', Number(deliveries))
  },
  'attempt.finished': (fields, sink) => {
    sink.count('attempts_total', 1, { code: text(fields['code']), plan: text(fields['plan']) })
    observeMs(sink, 'attempt_seconds', fields['durationMs'])
    if (fields['attempt'] === 1) observeMs(sink, 'first_byte_seconds', fields['firstByteMs'])
    if (fields['plan'] === 'delivered') {
      observeMs(sink, 'delivered_seconds', fields['sinceAcceptedMs'])
    }
  },
  'delivery.dead': ({ reason }, { count }) =>
    count('deliveries_dead_total', 1, { reason: text(reason) }),
  'webhook.disabled': ({ reason }, { count }) =>
    count('webhooks_disabled_total', 1, { reason: text(reason) }),
  'breaker.opened': (_fields, { count }) => count('breaker_changes_total', 1, { to: 'open' }),
  'breaker.closed': (_fields, { count }) => count('breaker_changes_total', 1, { to: 'closed' }),
  'sweep.finished': (summary, { count }) => {
    for (const [finding, found] of Object.entries(summary['found'] as Record<string, number>)) {
      count('sweep_findings_total', found, { finding })
    }
    for (const repair of ['requeued', 'replaced', 'abandoned']) {
      count('sweep_repairs_total', Number(summary[repair]), { repair })
    }
    if (summary['redisLost'] === true) count('redis_losses_total', 1)
  },
  'audit.mismatch': (_fields, { count }) => count('audit_mismatches_total', 1),
}

const text = (value: unknown): string => (typeof value === 'string' ? value : 'unknown')

const observeMs = (sink: Sink, name: DurationName, value: unknown): void => {
  if (typeof value === 'number') sink.observe(name, value / 1_000)
}
