import { expect, test } from 'vitest'
import { makeEmbeddedMetrics } from '../../lib/metrics-emf.ts'
import { makeRecordingLog } from '../support/fakes/recording-log.ts'

const start = () => {
  const lines: string[] = []
  const metrics = makeEmbeddedMetrics({
    role: 'trigger',
    nowMs: () => 1_700_000_000_123,
    write: (line) => lines.push(line),
  })
  return {
    metrics,
    log: metrics.counting(makeRecordingLog()),
    flush: () => {
      metrics.flush()
      return lines.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>)
    },
  }
}

test('what an invocation counted is one line as CloudWatch reads it, and the next begins anew', () => {
  const { log, flush } = start()
  log.info('message.accepted', { replayed: false, deliveries: 3, messageId: 'msg_1' })
  log.info('message.accepted', { replayed: false, deliveries: 1, messageId: 'msg_2' })
  expect(flush()).toEqual([
    {
      _aws: {
        Timestamp: 1_700_000_000_123,
        CloudWatchMetrics: [
          {
            Namespace: 'webhook-broker',
            Dimensions: [['function']],
            Metrics: [
              { Name: 'messages_accepted_total', Unit: 'Count' },
              { Name: 'deliveries_accepted_total', Unit: 'Count' },
            ],
          },
        ],
      },
      function: 'trigger',
      messages_accepted_total: 2,
      deliveries_accepted_total: 4,
    },
  ])
  expect(flush()).toEqual([])
  log.error('audit.mismatch', { tenant: 'default' })
  expect(flush()).toEqual([expect.objectContaining({ audit_mismatches_total: 1 })])
})

test('labels are dimensions, each combination a line of its own', () => {
  const { log, flush } = start()
  for (const [code, plan] of [
    ['http_status', 'delivered'],
    ['timeout', 'retry'],
    ['timeout', 'retry'],
  ]) {
    log.info('attempt.finished', { code, plan, deliveryId: 'dlv_1', url: 'http://x/' })
  }
  const lines = flush()
  expect(lines).toMatchObject([
    { function: 'trigger', code: 'http_status', plan: 'delivered', attempts_total: 1 },
    { function: 'trigger', code: 'timeout', plan: 'retry', attempts_total: 2 },
  ])
  expect(lines[1]?.['_aws']).toMatchObject({
    CloudWatchMetrics: [{ Dimensions: [['function', 'code', 'plan']] }],
  })
  expect(JSON.stringify(lines)).not.toContain('dlv_1')
})

test('durations are lists of at most a hundred values a line', () => {
  const { log, flush } = start()
  for (let n = 0; n < 150; n += 1) {
    log.info('attempt.finished', { code: 'timeout', plan: 'retry', durationMs: 1_000 + n })
  }
  const durations = flush()
    .map((line) => line['attempt_seconds'] as number[] | undefined)
    .filter((values) => values !== undefined)
  expect(durations.map(({ length }) => length)).toEqual([100, 50])
  expect([durations[0]?.[0], durations[1]?.[49]]).toEqual([1, 1.149])
})

test('the state of the broker is written once a sweep', () => {
  const { metrics, flush } = start()
  metrics.state(
    {
      open: [{ waiting: 'none', count: 4 }],
      oldestDueAgeS: 3.5,
      lastSweepAtS: null,
      statsRolledUntilS: 0,
      webhooks: [{ state: 'open', count: 1 }],
    },
    9,
  )
  expect(flush()).toMatchObject([
    { waiting: 'none', open_deliveries: 4 },
    { state: 'open', webhooks: 1 },
    { oldest_due_age_seconds: 3.5, queue_depth: 9 },
  ])
})
