// Why a delivery is not delivered yet, as the API tells it: all six reasons, with the time at which each ends.

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api-kit.ts'

let api: TestApi
let id: string
let webhookId: string
beforeAll(async () => {
  api = await startApi()
  const registered = await api.call('POST', '/api/v0/webhooks', {
    json: { eventName: 'waits', webhookUrl: 'http://127.0.0.1:4000/h' },
  })
  webhookId = String(registered.json['id'])
  await api.call('POST', '/api/v0/trigger-event/waits', { json: {} })
  const { json } = await api.call('GET', '/api/v0/deliveries')
  id = String((json['deliveries'] as { id: string }[])[0]?.id)
})
afterAll(() => api.close())
beforeEach(async () => {
  await api.schema.sql('delete from webhook_health')
  await api.schema.sql("update webhooks set status = 'enabled'")
  await api.schema.sql(
    'update deliveries set parked = null, lease_until = null, next_attempt_at = now()',
  )
})

const UNTIL = '2099-01-31T12:00:00.000Z'
const set = (column: string, value: string) =>
  api.schema.sql(`update deliveries set ${column} = $1`, [value])

const waiting = async () => {
  const alone = await api.call('GET', `/api/v0/deliveries/${id}`)
  const list = await api.call('GET', '/api/v0/deliveries')
  const [listed] = list.json['deliveries'] as { waiting: unknown }[]
  // The list says what the delivery itself says.
  expect(listed?.waiting).toEqual(alone.json['waiting'])
  return alone.json['waiting']
}

it.each([
  ['queued', null, () => Promise.resolve()],
  ['backoff', UNTIL, () => set('next_attempt_at', UNTIL)],
  ['in_flight', UNTIL, () => set('lease_until', UNTIL)],
  ['webhook_disabled', null, () => api.schema.sql("update webhooks set status = 'disabled'")],
  [
    'rate_limited',
    UNTIL,
    async () => {
      await set('parked', 'rate_limited')
      await set('next_attempt_at', UNTIL)
    },
  ],
  [
    'breaker_open',
    UNTIL,
    async () => {
      await set('parked', 'breaker_open')
      await set('next_attempt_at', 'infinity')
      await api.schema.sql(
        "insert into webhook_health (webhook_id, state, open_until) values ($1, 'open', $2)",
        [webhookId, UNTIL],
      )
    },
  ],
  // More wait than it may have under way: as others wait for a worker.
  ['queued', null, () => set('parked', 'capped')],
] as const)('%s until %s', async (reason, until, arrange) => {
  await arrange()
  expect(await waiting()).toEqual({ reason, until })
})

it('nothing, once it has ended', async () => {
  await api.schema.sql("update deliveries set status = 'delivered', finished_at = now()")
  expect(await waiting()).toBeNull()
})
