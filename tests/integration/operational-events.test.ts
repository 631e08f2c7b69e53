// What a tenant that registered for operational events gets, with a real worker and a real receiver: signed like any
// other event, once, and never about itself.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { verify } from '../../client/verify.ts'
import { problemOf, startApi, type TestApi } from '../support/api-kit.ts'
import { startReceiver, type Received, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'

let api: TestApi
let receiver: Receiver
/** What each path answers; 200 where nothing is said. */
let answers: Record<string, number>
beforeEach(async () => {
  answers = {}
  receiver = await startReceiver({
    answer: ({ url }, response) =>
      response.writeHead(answers[url.split('?')[0] ?? ''] ?? 200).end(),
  })
  api = await startApi({
    BROKER_RETRY_SCHEDULE: '10ms',
    BROKER_BREAKER_FAILURES: '3',
    BROKER_BREAKER_OPEN_MS: '50',
  })
  api.deliver()
})
afterEach(async () => {
  await api.close()
  await receiver.close()
})

const register = async (eventName: string, path: string) => {
  const { status, json } = await api.call('POST', '/api/v0/webhooks', {
    json: { eventName, webhookUrl: `${receiver.url}${path}` },
  })
  expect(status).toBe(201)
  return { id: String(json['id']), secret: String(json['secret']) }
}
const trigger = (eventName: string) => api.call('POST', `/api/v0/trigger-event/${eventName}`)
const at = (path: string) => receiver.received.filter(({ url }) => url === path)
const arrived = (path: string, count: number) =>
  waitUntil(() => at(path).length >= count, { message: `${count} requests at ${path}` })
const bodyOf = ({ body }: Received) => JSON.parse(body.toString()) as Record<string, unknown>

/** Nothing waits and nothing is under way: whatever was to be sent has been sent. */
const settled = async () => {
  await waitUntil(
    async () =>
      (await api.schema.sql('select 1 from deliveries where finished_at is null')).length === 0 &&
      (await api.schema.sql('select 1 from operational_events')).length === 0,
    { message: 'every delivery to end' },
  )
}

test('a receiver that answers 410: the event arrives signed, exactly once, whatever sweeps', async () => {
  answers['/gone'] = 410
  const ear = await register('broker.webhook.disabled', '/operations')
  const gone = await register('sold', '/gone?token=secret')
  await trigger('sold')
  await arrived('/operations', 1)
  await api.sweep()
  await settled()
  const [request, ...others] = at('/operations')
  if (request === undefined) throw new Error('no request')
  expect(others).toEqual([])
  const verified = verify({ secret: ear.secret, headers: request.headers, body: request.body })
  expect(verified).toMatchObject({
    ok: true,
    eventName: 'broker.webhook.disabled',
    attempt: 1,
    payload: {
      type: 'broker.webhook.disabled',
      data: {
        webhookId: gone.id,
        eventName: 'sold',
        webhookUrl: `${receiver.url}/gone`,
        reason: 'gone',
      },
    },
  })
  const messages = await api.call('GET', '/api/v0/messages?eventName=broker.webhook.disabled')
  expect(messages.json['messages']).toMatchObject([{ id: verified.ok && verified.messageId }])
  expect((await api.call('GET', '/api/v0/audit')).json).toMatchObject({ balanced: true })
})

test('a person who disables a webhook: whoever registered is told', async () => {
  await register('broker.webhook.disabled', '/operations')
  const { id } = await register('sold', '/hook')
  await api.call('PATCH', `/api/v0/webhooks/sold/${id}`, { json: { status: 'disabled' } })
  await arrived('/operations', 1)
  expect(at('/operations').map(bodyOf)).toMatchObject([
    { data: { webhookId: id, reason: 'manual' } },
  ])
})

test('a breaker that opens and closes again is told, each once', async () => {
  await register('broker.webhook.failing', '/failing')
  await register('broker.webhook.recovered', '/recovered')
  answers['/hook'] = 500
  const { id } = await register('sold', '/hook')
  await trigger('sold')
  await trigger('sold')
  await trigger('sold')
  await arrived('/failing', 1)
  answers['/hook'] = 200
  // One that waits for the breaker is its probe.
  await trigger('sold')
  await arrived('/recovered', 1)
  await settled()
  const data = { webhookId: id, eventName: 'sold', webhookUrl: `${receiver.url}/hook` }
  expect(at('/failing').map(bodyOf)).toMatchObject([{ type: 'broker.webhook.failing', data }])
  expect(at('/recovered').map(bodyOf)).toMatchObject([{ type: 'broker.webhook.recovered', data }])
})

test('a dead delivery is told, and a dead delivery of that event is not', async () => {
  answers['/hook'] = 500
  answers['/operations'] = 500
  await register('broker.delivery.dead', '/operations')
  await register('sold', '/hook')
  await trigger('sold')
  await arrived('/operations', 2)
  await settled()
  const dead = await api.call('GET', '/api/v0/deliveries?status=dead')
  const names = (dead.json['deliveries'] as { eventName: string }[]).map((one) => one.eventName)
  expect(names.sort()).toEqual(['broker.delivery.dead', 'sold'])
  // The control: another dead delivery is told.
  await trigger('sold')
  await arrived('/operations', 4)
  await settled()
  const ids = new Set(at('/operations').map(({ headers }) => headers['webhook-id']))
  expect(ids.size).toBe(2)
})

test('can be registered for, and not triggered', async () => {
  await register('broker.webhook.disabled', '/operations')
  expect(problemOf(await trigger('broker.webhook.disabled'))).toMatchObject({
    status: 400,
    code: 'reserved_event_name',
  })
})
