// Each process of the broker shows its own counts, and any of them the state of the whole, as Prometheus reads them.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import type { BrokerProcess } from '../support/process.ts'
import { waitUntil } from '../support/wait.ts'
import { logged, startBroker, urlOf, type Broker } from './support.ts'

let broker: Broker
let receiver: Receiver
beforeAll(async () => {
  ;[broker, receiver] = await Promise.all([
    startBroker({ env: { BROKER_METRICS_PORT: '0' } }),
    startReceiver(),
  ])
})
afterAll(() => Promise.all([broker.stop(), receiver.close()]))

const metricsUrl = ({ lines }: BrokerProcess) =>
  /metrics on (http:\S+)/.exec(lines.find((line) => line.startsWith('metrics on ')) ?? '')?.[1] ??
  ''

/** Values by name and labels, without the prefix. */
const scrape = async (url: string): Promise<Map<string, number>> => {
  const response = await fetch(url)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toContain('text/plain')
  const lines = (await response.text())
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice('webhook_broker_'.length, at), Number(line.slice(at + 1))]
    }),
  )
}

test('what a trigger sets going is counted where it happens, and the gauges are the same everywhere', async () => {
  await broker.register('measured', `${receiver.url}/h`)
  const { messageId } = await broker.trigger('measured')
  await broker.untilAll(messageId, 'delivered')
  await waitUntil(
    async () =>
      (await broker.schema.sql('select 1 from broker_state where last_sweep_at is not null'))
        .length > 0,
    { message: 'a sweep' },
  )
  const api = await scrape(`${urlOf(broker.api)}/metrics`)
  expect(api.get('messages_accepted_total')).toBe(1)
  expect(api.get('deliveries_accepted_total')).toBe(1)
  const worker = await scrape(metricsUrl(broker.worker))
  expect(worker.get('attempts_total{code="http_status",plan="delivered"}')).toBe(1)
  for (const name of ['first_byte_seconds', 'delivered_seconds', 'attempt_seconds']) {
    expect([name, worker.get(`${name}_count`)]).toEqual([name, 1])
    expect(worker.get(`${name}_sum`)).toBeLessThan(10)
  }
  const sweep = await scrape(metricsUrl(broker.sweep))
  expect(sweep.get('sweep_findings_total{finding="unqueued"}')).toBe(0)
  for (const values of [api, worker, sweep]) {
    expect(values.get('store_up{store="postgres"}')).toBe(1)
    expect(values.get('store_up{store="redis"}')).toBe(1)
    expect(values.get('webhooks{state="healthy"}')).toBe(1)
    expect(values.get('oldest_due_age_seconds')).toBe(0)
    expect(values.get('queue_depth')).toBe(0)
    const ageS = Date.now() / 1_000 - (values.get('sweep_last_finished_seconds') ?? 0)
    expect(ageS).toBeLessThan(60)
  }
})

test('a delivery that is gone is noticed by the sweep: an error in its log, a number in its metrics', async () => {
  // The worker must not record a result for the row that is taken away below.
  await broker.register('lost', `${receiver.url}/h`)
  const { messageId } = await broker.trigger('lost')
  await broker.untilAll(messageId, 'delivered')
  const mismatches = async () =>
    (await scrape(metricsUrl(broker.sweep))).get('audit_mismatches_total')
  const nextRound = () =>
    broker.schema.sql('update audit_progress set cursor = null, next_at = now() returning 1 as n')
  const roundEnded = () =>
    waitUntil(
      async () =>
        (await broker.schema.sql('select 1 from audit_progress where next_at > now()')).length > 0,
      { message: 'the end of a round' },
    )
  await nextRound()
  await roundEnded()
  expect(await mismatches()).toBe(0)

  await broker.schema.sql('delete from deliveries where message_id = $1', [messageId])
  await nextRound()

  await waitUntil(async () => (await mismatches()) === 1, { message: 'the mismatch' })
  // What is printed takes its time through the pipe: the number can be asked for before the line is here.
  const lines = await waitUntil(
    () => {
      const found = logged(broker.sweep, 'audit.mismatch')
      return found.length > 0 && found
    },
    { message: 'the line' },
  )
  expect(lines).toMatchObject([
    { level: 'error', tenant: 'default', messages: 2, matched: 2, delivered: 1, open: 0 },
  ])
})

test('a worker and a sweep say that they are alive, and nothing else is served there', async () => {
  for (const each of [broker.worker, broker.sweep]) {
    const base = metricsUrl(each).replace('/metrics', '')
    expect(await (await fetch(`${base}/healthz`)).json()).toEqual({ status: 'ok' })
    expect((await fetch(`${base}/api/v0/webhooks`)).status).toBe(404)
  }
})
