// One event, three webhooks, three real receivers: what arrives, when it is tried again, and what the log says.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../local/services/process.ts'
import { startProcess } from '../support/process.ts'
import { startReceiver, type Received, type Receiver } from '../support/receiver.ts'
import { logged, startBroker, verify, type Broker } from './support.ts'

let broker: Broker
const receivers: Receiver[] = []

const receive = async (answer: Receiver['answer'] = 200): Promise<Receiver> => {
  const receiver = await startReceiver({ answer })
  receivers.push(receiver)
  return receiver
}

beforeAll(async () => {
  // Nothing here is about time-outs: on a busy machine the first attempt of a worker that has just started took over a
  // second, and what arrived was a second one.
  broker = await startBroker({ env: { BROKER_DELIVERY_TIMEOUT_MS: '10000' } })
})
afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()))
})
afterAll(() => broker.stop())

const header = (request: Received | undefined, name: string): string =>
  String(request?.headers[name] ?? '')

// O-BODY-1: parse and stringify changed integers above 2^53. O-BODY-2: one serialiser for signing, another for sending.
// O-BODY-5: \u0000 made a jsonb insert fail, so the event was lost.
const PAYLOADS = [
  [
    'integers beyond 2^53, double keys and odd spelling',
    String.raw`{"id":12345678901234567890,"a":1.0,"e":1e400,"k":1,"k":2,"u":"\u00e9é","s":"a\/b" }`,
  ],
  [
    'an order of keys and spaces that no serialiser makes',
    '{"b":1,"a":"é<>&=\u2028","c":[1, 2],\n\t"0":null}',
  ],
  ['an emoji', '{"t":"żółć 🙂"}'],
  ['an escaped NUL', String.raw`{"s":"a\u0000b"}`],
] as const

test.each(PAYLOADS)(
  'one event reaches three receivers byte for byte: %s',
  async (name, payload) => {
    const event = `bytes.${PAYLOADS.findIndex(([each]) => each === name)}`
    const three = [await receive(), await receive(), await receive()]
    const webhooks: { secret: string }[] = []
    for (const { url } of three) webhooks.push(await broker.register(event, `${url}/hook?x=1`))

    const { messageId, deliveries } = await broker.trigger(event, { body: payload })
    expect(deliveries).toBe(3)

    for (const [index, receiver] of three.entries()) {
      const [request] = await receiver.waitFor(1)
      expect(request?.body.toString('hex')).toBe(Buffer.from(payload).toString('hex'))
      expect(request?.method).toBe('POST')
      expect(request?.url).toBe('/hook?x=1')
      expect(header(request, 'content-type')).toBe('application/json')
      expect(header(request, 'content-length')).toBe(String(Buffer.byteLength(payload)))
      expect(header(request, 'webhook-id')).toBe(messageId)
      expect(header(request, 'webhook-event')).toBe(event)
      expect(header(request, 'webhook-attempt')).toBe('1')
      expect(header(request, 'user-agent')).toBe('webhook-broker/0.1.0')
      verify(webhooks[index]?.secret ?? '', request)
      expect(() => verify(webhooks[(index + 1) % 3]?.secret ?? '', request)).toThrow()
    }
    const log = await broker.untilAll(messageId, 'delivered')
    expect(new Set(log.map(({ id }) => id))).toEqual(
      new Set(three.map(({ received }) => header(received[0], 'webhook-delivery-id'))),
    )
  },
)

test('a receiver that refuses twice is asked again on the schedule, and the log shows all three attempts', async () => {
  const refusing = await receive(({ headers }, response) => {
    const status = headers['webhook-attempt'] === '3' ? 200 : 500
    response.writeHead(status).end(status === 200 ? 'thanks' : 'not now')
  })
  const willing = await receive()
  const webhook = await broker.register('refused.twice', `${refusing.url}/hook`)
  await broker.register('refused.twice', `${willing.url}/hook`)
  const payload = '{"n":12345678901234567890}'

  const { messageId } = await broker.trigger('refused.twice', { body: payload })
  const requests = await refusing.waitFor(3)

  const gaps = requests
    .slice(1)
    .map((request, i) => request.arrivedAtMs - (requests[i]?.arrivedAtMs ?? 0))
  // 200 and 400 ms on the schedule; never early, and late only by what two commits and a busy machine take.
  expect(gaps[0]).toBeGreaterThanOrEqual(195)
  expect(gaps[0]).toBeLessThan(700)
  expect(gaps[1]).toBeGreaterThanOrEqual(395)
  expect(gaps[1]).toBeLessThan(900)

  expect(requests.map((request) => header(request, 'webhook-attempt'))).toEqual(['1', '2', '3'])
  expect(new Set(requests.map((request) => header(request, 'webhook-id')))).toEqual(
    new Set([messageId]),
  )
  expect(requests.map(({ body }) => body.toString())).toEqual([payload, payload, payload])
  for (const request of requests) verify(webhook.secret, request)
  for (const { headers, arrivedAtMs } of requests) {
    expect(Math.abs(Number(headers['webhook-timestamp']) - arrivedAtMs / 1_000)).toBeLessThan(2)
  }

  const log = await broker.untilAll(messageId, 'delivered')
  const slow = log.find(({ webhookId }) => webhookId === webhook.id)
  expect(
    slow?.attempts.map(({ number, outcome, code, statusCode, responseBody }) => ({
      number,
      outcome,
      code,
      statusCode,
      responseBody,
    })),
  ).toEqual([
    { number: 1, outcome: 'failed', code: 'http_status', statusCode: 500, responseBody: 'not now' },
    { number: 2, outcome: 'failed', code: 'http_status', statusCode: 500, responseBody: 'not now' },
    {
      number: 3,
      outcome: 'succeeded',
      code: 'http_status',
      statusCode: 200,
      responseBody: 'thanks',
    },
  ])
  // The other receiver of the same event was not asked again.
  expect(willing.received).toHaveLength(1)
})

test('timestamp and signature are fresh for each attempt', async () => {
  const receiver = await receive(500)
  // 1.4 s pass between the first attempt and the last one, so at least two seconds are named.
  const webhook = await broker.register('fresh', `${receiver.url}/hook`)
  await broker.trigger('fresh')
  const requests = await receiver.waitFor(4)
  expect(
    new Set(requests.map((request) => header(request, 'webhook-timestamp'))).size,
  ).toBeGreaterThan(1)
  expect(
    new Set(requests.map((request) => header(request, 'webhook-signature'))).size,
  ).toBeGreaterThan(1)
  for (const request of requests) verify(webhook.secret, request)
})

test('a delivery whose schedule is used up is dead, with every attempt on record', async () => {
  const receiver = await receive(503)
  await broker.register('exhausted', `${receiver.url}/hook`)
  const { messageId } = await broker.trigger('exhausted')
  const [dead] = await broker.untilAll(messageId, 'dead')
  expect(dead?.deadReason).toBe('schedule_exhausted')
  expect(dead?.attempts.map(({ statusCode }) => statusCode)).toEqual([503, 503, 503, 503])
  expect(receiver.received).toHaveLength(4)
})

// O-BODY-5: a response body with NUL and invalid UTF-8 made the log write fail, so the delivery was made again.
test('a response with NUL and invalid UTF-8 is kept, and the delivery is made once', async () => {
  const receiver = await receive((_request, response) => {
    response.writeHead(200).end(Buffer.from('ok\0\xff\xfe', 'latin1'))
  })
  await broker.register('odd.answer', `${receiver.url}/hook`)
  const { messageId } = await broker.trigger('odd.answer')
  const [delivered] = await broker.untilAll(messageId, 'delivered')
  expect(delivered?.attempts.map(({ responseBody }) => responseBody)).toEqual(['ok\0\ufffd\ufffd'])
  const rows = await broker.schema.sql<{ hex: string }>(
    `select encode(response_body, 'hex') as hex from attempts where delivery_id = $1`,
    [delivered?.id],
  )
  expect(rows).toEqual([{ hex: '6f6b00fffe' }])
  expect(receiver.received).toHaveLength(1)
})

test('each station leaves one line in the log of its process, with the ids that belong together', async () => {
  const receiver = await receive()
  const webhook = await broker.register('stations', `${receiver.url}/hook`)
  const { messageId } = await broker.trigger('stations')
  const [delivered] = await broker.untilAll(messageId, 'delivered')
  await broker.api.waitForLine(new RegExp(`${messageId}.*message\\.accepted`))
  const accepted = logged(broker.api, 'message.accepted').filter(
    (line) => line['messageId'] === messageId,
  )
  expect(accepted).toMatchObject([
    { eventName: 'stations', deliveries: 1, replayed: false, enqueued: true },
  ])
  await broker.worker.waitForLine(new RegExp(`${messageId}.*attempt\\.finished`))
  expect(
    logged(broker.worker, 'attempt.finished').filter((line) => line['messageId'] === messageId),
  ).toMatchObject([
    {
      deliveryId: delivered?.id,
      webhookId: webhook.id,
      attempt: 1,
      statusCode: 200,
      plan: 'delivered',
      status: 'delivered',
      fenced: false,
    },
  ])
})

test('the receiver of the tour, given the secret, says that the signature is valid', async () => {
  const port = await freePort()
  const webhook = await broker.register('listened', `http://127.0.0.1:${port}/hook`)
  const listener = await startProcess({
    script: 'local/listen.ts',
    args: ['--port', String(port), '--secret', webhook.secret],
    readyLine: /^listening on /,
  })

  const { messageId } = await broker.trigger('listened', { body: '{"size":12345678901234567890}' })

  await listener.waitForLine(/body +\{"size":12345678901234567890\}$/)
  expect(listener.lines.some((line) => line.endsWith(messageId))).toBe(true)
  expect(listener.lines.filter((line) => / signature /.test(line))).toEqual([
    expect.stringMatching(/signature +valid$/),
  ])
  await broker.untilAll(messageId, 'delivered')
  expect(await listener.stop()).toEqual({ code: 0, signal: null })
})
