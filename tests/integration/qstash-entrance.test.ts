// POST /internal/qstash: who is let in, what is answered to QStash, and what is recorded (O-QUEUE-6). The messages here
// are sent by hand; what QStash itself makes of the answers is in qstash-delivery.test.ts.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startQstashBroker, type QstashBroker } from '../support/qstash-kit.ts'
import { signToken, type TokenOptions } from '../support/qstash-token.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'

let broker: QstashBroker
let receiver: Receiver
beforeAll(async () => {
  ;[broker, receiver] = await Promise.all([
    // QStash takes what it is given and keeps it: the tests bring the messages themselves.
    startQstashBroker({ faults: { drops: () => true } }),
    startReceiver(),
  ])
})
beforeEach(() => {
  receiver.received.length = 0
  receiver.answer = 200
})
afterAll(() => Promise.all([broker.close(), receiver.close()]))

let events = 0
/** One accepted delivery, and the message of its first hand-over. */
const accepted = async () => {
  const eventName = `entrance-${(events += 1)}`
  await broker.register(eventName, `${receiver.url}/${eventName}`)
  const { messageId } = await broker.trigger(eventName)
  const [delivery] = await broker.deliveriesOf(messageId)
  const id = delivery?.id ?? ''
  return { id, messageId, body: JSON.stringify({ deliveryId: id, generation: 0 }) }
}

const post = (body: string, signature: string | undefined, headers = {}) =>
  fetch(broker.destination, {
    method: 'POST',
    headers: { ...headers, ...(signature === undefined ? {} : { 'upstash-signature': signature }) },
    body,
  })
const signed = (body: string, change: Partial<TokenOptions> = {}) =>
  signToken({ key: broker.qstash.currentSigningKey, url: broker.destination, body, ...change })
const send = async (body: string) => (await post(body, signed(body))).status

/** What the log says of a delivery: its status and how often it was claimed. */
const stateOf = async (id: string) => {
  const { status, attemptCount, attempts } = await broker.delivery(id)
  return [status, attemptCount, attempts.length]
}

describe('a signature', () => {
  test.each<[string, (body: string) => [sent: string, signature: string | undefined]]>([
    ['that is missing', (body) => [body, undefined]],
    ['of a wrong key', (body) => [body, signed(body, { key: 'sig_other' })]],
    ['that has expired', (body) => [body, signed(body, { expiresInS: -60, notBeforeInS: -360 })]],
    ['for another address', (body) => [body, signed(body, { url: `${broker.url}/other` })]],
    ['of the same body without its spaces', (body) => [body.replace(',', ', '), signed(body)]],
    ['in the place of an API key', (body) => [body, undefined]],
  ])('%s is answered 401, and nothing is recorded or sent', async (_what, forge) => {
    const { id, body } = await accepted()
    const response = await post(...forge(body), { authorization: 'Bearer anything' })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ status: 401, code: 'unauthorized' })
    expect(await stateOf(id)).toEqual(['pending', 0, 0])
    // The control: the same message, signed, is attempted.
    expect(await send(body)).toBe(200)
    expect(await stateOf(id)).toEqual(['delivered', 1, 1])
    expect(receiver.received).toHaveLength(1)
  })

  test('of the current key lets in, and of the next key, too', async () => {
    for (const key of [broker.qstash.currentSigningKey, broker.qstash.nextSigningKey]) {
      const { id, body } = await accepted()
      expect((await post(body, signed(body, { key }))).status).toBe(200)
      expect(await stateOf(id)).toEqual(['delivered', 1, 1])
    }
  })
})

describe('a signed message', () => {
  test.each([
    ['is not JSON', 'deliveryId=dlv_1'],
    ['has no delivery id', '{"generation":0}'],
    ['has an id of another kind', `{"deliveryId":"msg_${'0'.repeat(26)}","generation":0}`],
    ['has no generation', `{"deliveryId":"dlv_${'0'.repeat(26)}"}`],
    ['has a generation that is none', `{"deliveryId":"dlv_${'0'.repeat(26)}","generation":-1}`],
    ['has one beyond all', `{"deliveryId":"dlv_${'0'.repeat(26)}","generation":2147483648}`],
  ])('that %s is refused for good, so that QStash does not send it again', async (_what, body) => {
    const response = await post(body, signed(body))
    expect(response.status).toBe(489)
    expect(response.headers.get('upstash-nonretryable-error')).toBe('true')
  })

  test('of a delivery that does not exist is answered 200: there is nothing to repeat', async () => {
    expect(await send(`{"deliveryId":"dlv_${'0'.repeat(26)}","generation":0}`)).toBe(200)
  })

  test('is answered 200 when the attempt failed, and the next one is handed over by our schedule', async () => {
    receiver.answer = 500
    const { id, body } = await accepted()
    expect(await send(body)).toBe(200)
    expect(await stateOf(id)).toEqual(['retrying', 1, 1])
    expect(broker.qstash.taken.at(-1)).toMatchObject({
      body: `{"deliveryId":"${id}","generation":1}`,
      deduplicationId: `${id}-1`,
      delayMs: 1_000,
    })
  })

  test('that comes too early is handed over for the right time, once for all its copies', async () => {
    receiver.answer = 500
    const { id, body } = await accepted()
    await send(body)
    const early = `{"deliveryId":"${id}","generation":1}`
    const before = broker.qstash.taken.length
    expect(await Promise.all([send(early), send(early), send(early)])).toEqual([200, 200, 200])
    expect(await stateOf(id)).toEqual(['retrying', 1, 1])
    const handedOver = broker.qstash.taken.slice(before)
    expect(handedOver).toMatchObject([{ deduplicationId: `${id}-2`, delayMs: 1_000 }])
    // An older one that comes even later: somebody has seen to it.
    expect(await send(body)).toBe(200)
    expect(broker.qstash.taken.length).toBe(before + 1)
    expect(receiver.received).toHaveLength(1)
  })

  test('of a delivery in flight is handed over for the end of its lease, and sends nothing', async () => {
    let answerIt = () => {}
    receiver.answer = (_request, response) => {
      answerIt = () => void response.writeHead(200).end()
    }
    const { id, body } = await accepted()
    const attempt = send(body)
    await receiver.waitFor(1)
    expect(await send(body)).toBe(200)
    const handedOver = broker.qstash.taken.at(-1)
    // 15 s of timeout and as much of margin.
    expect([handedOver?.deduplicationId, handedOver?.delayMs]).toEqual([`${id}-1`, 30_000])
    answerIt()
    expect(await attempt).toBe(200)
    expect(await stateOf(id)).toEqual(['delivered', 1, 1])
    // What was handed over for nothing finds it finished.
    expect(await send(`{"deliveryId":"${id}","generation":1}`)).toBe(200)
    expect(receiver.received).toHaveLength(1)
  })

  test('of a finished delivery, however often, sends nothing and hands nothing over', async () => {
    const { id, body } = await accepted()
    await send(body)
    const before = broker.qstash.taken.length
    expect(await Promise.all([send(body), send(body)])).toEqual([200, 200])
    expect(broker.qstash.taken.length).toBe(before)
    expect(await stateOf(id)).toEqual(['delivered', 1, 1])
    expect(receiver.received).toHaveLength(1)
  })

  test('is answered 200 although the next one could not be handed over: the sweep does that', async () => {
    receiver.answer = 500
    const { id, body } = await accepted()
    broker.qstash.up = false
    expect(await send(body)).toBe(200)
    broker.qstash.up = true
    expect(await stateOf(id)).toEqual(['retrying', 1, 1])
    await broker.makeAllDue()
    expect((await broker.sweep()).qstash).toBe('ok')
    expect(broker.qstash.taken.at(-1)).toMatchObject({ deduplicationId: `${id}-2` })
  })
})

test('the entrance is the only route that QStash adds, and it takes POST alone', async () => {
  const outside = broker.app.routes
    .filter(({ method, path }) => method !== 'ALL' && !path.startsWith('/api/v0/'))
    .map(({ method, path }) => `${method} ${path}`)
  expect([...new Set(outside)].sort()).toEqual([
    'GET /',
    'GET /dashboard',
    'GET /dashboard/*',
    'GET /docs',
    'GET /docs/style.css',
    'GET /healthz',
    'GET /openapi.json',
    'GET /readyz',
    'POST /internal/qstash',
  ])
  expect((await fetch(broker.destination)).status).toBe(405)
  const document = (await (await fetch(`${broker.url}/openapi.json`)).json()) as { paths: object }
  expect(Object.keys(document.paths)).not.toContain('/internal/qstash')
})
