import { expect, test } from 'vitest'
import { makeMetrics } from '../../lib/metrics.ts'
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
    .filter(
      (line) =>
        line !== '' &&
        !line.startsWith('#') &&
        !line.includes('last_finished') &&
        !line.endsWith(' 0'),
    )
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
