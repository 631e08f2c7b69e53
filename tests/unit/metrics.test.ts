import { expect, test } from 'vitest'
import type { BrokerState } from '../../lib/broker/ports.ts'
import { makeMetrics, type Metrics } from '../../lib/metrics.ts'
import { makeRecordingLog } from '../support/fakes/recording-log.ts'

const summary = {
  found: { unqueued: 3, expired_lease: 1 },
  requeued: 2,
  replaced: 1,
  abandoned: 0,
  redisLost: true,
}

test('what is logged at a station is counted, and still logged', async () => {
  const metrics = makeMetrics()
  const log = makeRecordingLog()
  const counting = metrics.counting(log)
  counting.info('message.accepted', { replayed: false, deliveries: 3, messageId: 'msg_1' })
  counting.info('message.accepted', { replayed: true, deliveries: 3 })
  counting.info('attempt.finished', { code: 'timeout', plan: 'retry', deliveryId: 'dlv_1' })
  counting.warn('delivery.dead', { reason: 'gone', deliveryId: 'dlv_1' })
  counting.info('sweep.finished', summary)
  counting.error('audit.mismatch', { tenant: 'default', day: '2026-01-31' })
  counting.info('something.else', {})
  const text = await metrics.render()
  const values = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !line.endsWith(' 0'))
  expect(values).toEqual([
    'webhook_broker_messages_accepted_total 1',
    'webhook_broker_deliveries_accepted_total 3',
    'webhook_broker_attempts_total{code="timeout",plan="retry"} 1',
    'webhook_broker_deliveries_dead_total{reason="gone"} 1',
    'webhook_broker_sweep_findings_total{finding="unqueued"} 3',
    'webhook_broker_sweep_findings_total{finding="expired_lease"} 1',
    'webhook_broker_sweep_repairs_total{repair="requeued"} 2',
    'webhook_broker_sweep_repairs_total{repair="replaced"} 1',
    'webhook_broker_redis_losses_total 1',
    'webhook_broker_audit_mismatches_total 1',
  ])
  expect(log.lines).toHaveLength(7)
})

test('no id and no URL becomes a label', async () => {
  const metrics = makeMetrics()
  metrics.counting(makeRecordingLog()).info('attempt.finished', {
    code: 'http_status',
    plan: 'delivered',
    deliveryId: 'dlv_secret',
    url: 'http://x/',
  })
  const text = await metrics.render()
  expect(text).not.toContain('dlv_secret')
  expect(text).toContain('attempts_total{code="http_status",plan="delivered"} 1')
})

const STATE: BrokerState = {
  open: [
    { waiting: 'none', count: 7 },
    { waiting: 'breaker_open', count: 2 },
  ],
  oldestDueAgeS: 12.5,
  lastSweepAtS: 1_700_000_000,
  statsRolledUntilS: 1_699_999_000,
  webhooks: [
    { state: 'healthy', count: 3 },
    { state: 'open', count: 1 },
  ],
}

const gaugesOf = async (metrics: Metrics) =>
  (await metrics.render())
    .split('\n')
    .filter((line) =>
      /_(up|open_deliveries|oldest_due_age_seconds|webhooks|queue_depth)[ {]/.test(line),
    )
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace('webhook_broker_', ''))

test('the state of the broker is asked for when somebody looks, once in ten seconds', async () => {
  const metrics = makeMetrics()
  let nowMs = 0
  let asked = 0
  metrics.watch({
    broker: () => {
      asked += 1
      return Promise.resolve(STATE)
    },
    queueDepth: () => Promise.resolve(41),
    elapsedMs: () => nowMs,
  })
  expect(asked).toBe(0)
  expect(await gaugesOf(metrics)).toEqual([
    'store_up{store="postgres"} 1',
    'store_up{store="redis"} 1',
    'open_deliveries{waiting="none"} 7',
    'open_deliveries{waiting="breaker_open"} 2',
    'oldest_due_age_seconds 12.5',
    'webhooks{state="healthy"} 3',
    'webhooks{state="open"} 1',
    'queue_depth 41',
  ])
  nowMs = 9_999
  await Promise.all([metrics.render(), metrics.render()])
  expect(asked).toBe(1)
  nowMs = 10_000
  await Promise.all([metrics.render(), metrics.render()])
  expect(asked).toBe(2)
})

test('a store that is away is a gauge, and its old values are gone', async () => {
  const metrics = makeMetrics()
  let nowMs = 0
  let away = false
  const answer = <T>(value: T) =>
    away ? Promise.reject(new Error('away')) : Promise.resolve(value)
  metrics.watch({
    broker: () => answer(STATE),
    queueDepth: () => answer(41),
    elapsedMs: () => nowMs,
  })
  await metrics.render()
  away = true
  nowMs = 20_000
  expect(await gaugesOf(metrics)).toEqual([
    'store_up{store="postgres"} 0',
    'store_up{store="redis"} 0',
    'oldest_due_age_seconds Nan',
    'queue_depth Nan',
  ])
})

test('how long it took is a histogram: to the first byte of the first attempt, and to the 2xx', async () => {
  const metrics = makeMetrics()
  const log = metrics.counting(makeRecordingLog())
  const attempt = { code: 'http_status', plan: 'retry', durationMs: 40 }
  log.info('attempt.finished', { ...attempt, attempt: 1, firstByteMs: 8, sinceAcceptedMs: 50 })
  log.info('attempt.finished', {
    ...attempt,
    plan: 'delivered',
    attempt: 2,
    firstByteMs: 5_010,
    sinceAcceptedMs: 5_060,
  })
  // A replay: its age says nothing.
  log.info('attempt.finished', { ...attempt, plan: 'delivered', attempt: 3 })
  const text = await metrics.render()
  const figures = (name: string) =>
    ['sum', 'count'].map((part) =>
      Number(new RegExp(`^webhook_broker_${name}_${part} (.+)$`, 'm').exec(text)?.[1]),
    )
  expect(figures('first_byte_seconds')).toEqual([0.008, 1])
  expect(figures('delivered_seconds')).toEqual([5.06, 1])
  expect(figures('attempt_seconds')).toEqual([0.12, 3])
})
