// A receiver that fails for days, told with the whole broker in memory.

import { expect, test } from 'vitest'
import { answered } from '../../support/store-rig.ts'
import { makeFakeBroker, TENANT } from '../../support/fakes/world-broker.ts'

const URL = 'http://127.0.0.1:4000/hook'
const HOUR_MS = 3_600_000

const setUp = async () => {
  const broker = makeFakeBroker([1_000, 1_000, 1_000])
  const { webhook } = await broker.register({ tenant: TENANT, eventName: 'sold', webhookUrl: URL })
  const trigger = () =>
    broker.trigger({
      tenant: TENANT,
      eventName: 'sold',
      contentType: 'application/json',
      body: Buffer.from('{}'),
      idempotencyKey: undefined,
      traceparent: null,
    })
  /** Hours in which an event fails through its whole schedule. */
  const hours = async (count: number) => {
    for (let hour = 0; hour < count; hour += 1) {
      await trigger()
      for (let attempt = 0; attempt < 4; attempt += 1) {
        await broker.work()
        await broker.clock.advance(1_000)
      }
      await broker.clock.advance(HOUR_MS - 4_000)
    }
  }
  const status = async () =>
    (await broker.webhooks.find({ tenant: TENANT, eventName: 'sold', id: webhook.id }))?.status
  return { broker, trigger, hours, status, webhook }
}

test('a webhook that fails for five days without one success is disabled', async () => {
  const { broker, hours, status, webhook, trigger } = await setUp()
  broker.receive(URL, () => answered(500))
  await hours(120)
  expect(await status()).toBe('enabled')
  await hours(1)
  expect(await status()).toBe('disabled')
  expect(broker.log.of('webhook.disabled')).toEqual([{ webhookId: webhook.id, reason: 'failing' }])
  expect((await trigger()).deliveries).toBe(0)
})

test('one success in between is enough to keep it', async () => {
  const { broker, hours, status } = await setUp()
  broker.receive(URL, () => answered(500))
  await hours(100)
  broker.receive(URL, () => answered(200))
  await hours(1)
  broker.receive(URL, () => answered(500))
  await hours(100)
  expect(await status()).toBe('enabled')
})
