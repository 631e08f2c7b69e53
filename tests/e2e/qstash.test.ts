// QStash as the dispatcher, with the API and the sweep as processes, a QStash of our own, and no Redis (O-QUEUE-6). There,
// two systems retried, and the attempts were their product; a re-send was swallowed by a deduplication id that was
// still known; a signature was checked over a body that had been parsed and written again.
// Over 250 lines because processes, QStash and receiver are set up once.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { freePort } from '../../local/services/process.ts'
import { startFakeQstash, type FakeQstash } from '../support/fake-qstash.ts'
import { qstashEnv } from '../support/qstash-kit.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { startProcess } from '../support/process.ts'
import { signToken } from '../support/qstash-token.ts'
import { waitUntil } from '../support/wait.ts'
import { startBroker, verify, type Broker } from './support.ts'

let qstash: FakeQstash
let receiver: Receiver
let broker: Broker
let entrance: string
beforeAll(async () => {
  const [fake, sink, port] = await Promise.all([startFakeQstash(), startReceiver(), freePort()])
  qstash = fake
  receiver = sink
  entrance = `http://127.0.0.1:${port}/internal/qstash`
  broker = await startBroker({
    roles: ['api', 'sweep'],
    env: {
      ...qstashEnv(qstash, `http://127.0.0.1:${port}`),
      PORT: String(port),
      REDIS_URL: '',
      BROKER_RETRY_SCHEDULE: '1s,1s',
      // Longer than the whole seconds that QStash rounds to, so that the sweep asks only for what is lost.
      BROKER_SWEEP_GRACE_MS: '3000',
    },
  })
})
beforeEach(() => {
  receiver.received.length = 0
  receiver.answer = 200
  qstash.faults = {
    drops: () => false,
    duplicates: () => 0,
    lateMs: () => 0,
    signature: () => 'current',
  }
})
afterAll(async () => {
  await qstash.close()
  await broker.stop()
  await receiver.close()
})

let events = 0
const webhooks = async (count: number) => {
  const eventName = `qstash-${(events += 1)}`
  const registered = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      broker.register(eventName, `${receiver.url}/${eventName}/${n}`),
    ),
  )
  return { eventName, secret: registered[0]?.secret ?? '' }
}

const callsOf = (deliveryId: string) =>
  qstash.calls.filter(({ message }) => message.body.includes(deliveryId))
const takenOf = (deliveryId: string) =>
  qstash.taken.filter(({ body }) => body.includes(deliveryId)).map((one) => one.deduplicationId)

describe('the main job', () => {
  test('an event reaches its webhooks, signed by us, with the payload byte for byte', async () => {
    const { eventName, secret } = await webhooks(3)
    const body = '{ "spaces" :  "kept",\n"text":"żółć 🙂" }'
    const { messageId, deliveries } = await broker.trigger(eventName, { body })
    expect(deliveries).toBe(3)
    await broker.untilAll(messageId, 'delivered')
    expect(receiver.received.map(({ url }) => url).sort()).toEqual([
      `/${eventName}/0`,
      `/${eventName}/1`,
      `/${eventName}/2`,
    ])
    for (const request of receiver.received) expect(request.body.toString()).toBe(body)
    verify(
      secret,
      receiver.received.find(({ url }) => url.endsWith('/0')),
    )
    // QStash was given no payload, no address of a receiver, no secret.
    const given = JSON.stringify(qstash.taken.slice(-3))
    for (const secretOfOurs of ['spaces', receiver.url, secret]) {
      expect(given).not.toContain(secretOfOurs)
    }
  })
})

describe('two systems that retry', () => {
  test('a webhook that always fails is called as often as our schedule says, not the product', async () => {
    receiver.answer = 500
    const { eventName } = await webhooks(1)
    const { messageId } = await broker.trigger(eventName)
    const [dead] = await broker.untilAll(messageId, 'dead', 20_000)
    await qstash.idle()
    // A schedule of two delays: three attempts. QStash's own three retries are for a broker that fails.
    expect(receiver.received).toHaveLength(3)
    expect(dead).toMatchObject({ attemptCount: 3, deadReason: 'schedule_exhausted' })
    const id = dead?.id ?? ''
    expect(callsOf(id).map(({ retried, status }) => [retried, status])).toEqual([
      [0, 200],
      [0, 200],
      [0, 200],
    ])
    expect(takenOf(id)).toEqual([`${id}-0`, `${id}-1`, `${id}-2`])
    expect(qstash.dead).toEqual([])
  })

  test('an attempt that fails once is made again when our schedule says so', async () => {
    receiver.answer = (_request, response) => {
      response.writeHead(receiver.received.length === 1 ? 503 : 200).end()
    }
    const { eventName } = await webhooks(1)
    const { messageId } = await broker.trigger(eventName)
    const [delivered] = await broker.untilAll(messageId, 'delivered')
    expect(delivered?.attempts.map(({ outcome }) => outcome)).toEqual(['failed', 'succeeded'])
    const [first, second] = receiver.received
    expect((second?.arrivedAtMs ?? 0) - (first?.arrivedAtMs ?? 0)).toBeGreaterThanOrEqual(950)
  })
})

describe('a QStash on a bad day', () => {
  test('copies and messages that overtake each other are absorbed: each webhook is called once', async () => {
    let count = 0
    qstash.faults.duplicates = () => 2
    qstash.faults.lateMs = () => ((count += 1) * 37) % 400
    const { eventName } = await webhooks(4)
    const fired = await Promise.all(Array.from({ length: 5 }, () => broker.trigger(eventName)))
    for (const { messageId } of fired) await broker.untilAll(messageId, 'delivered', 20_000)
    await qstash.idle()
    const seen = receiver.received.map(
      ({ url, headers }) => `${String(headers['webhook-id'])} ${url}`,
    )
    expect([seen.length, new Set(seen).size]).toEqual([20, 20])
    // The control: QStash did call three times for each.
    const ids = (await Promise.all(fired.map(({ messageId }) => broker.deliveriesOf(messageId))))
      .flat()
      .map(({ id }) => id)
    for (const id of ids) expect(callsOf(id).length).toBeGreaterThanOrEqual(3)
  })

  test('a message that is lost is sent again by the sweep, and its re-send is not swallowed', async () => {
    qstash.faults.drops = ({ body }) => body.includes('"generation":0')
    const { eventName } = await webhooks(1)
    const swallowedBefore = qstash.swallowed.length
    const { messageId } = await broker.trigger(eventName)
    const [delivered] = await broker.untilAll(messageId, 'delivered', 20_000)
    const id = delivered?.id ?? ''
    expect(delivered?.attemptCount).toBe(1)
    expect(takenOf(id)).toEqual([`${id}-0`, `${id}-1`])
    expect(callsOf(id).map(({ message }) => message.deduplicationId)).toEqual([`${id}-1`])
    expect(qstash.swallowed.length).toBe(swallowedBefore)
    expect(receiver.received).toHaveLength(1)
  })

  test('while it is away a trigger is accepted, and is handed over when it is back', async () => {
    const { eventName } = await webhooks(1)
    const before = qstash.taken.length
    qstash.up = false
    const { messageId } = await broker.trigger(eventName)
    expect(qstash.taken.length).toBe(before)
    qstash.up = true
    await broker.untilAll(messageId, 'delivered', 20_000)
    await qstash.idle()
    // By the API, which tries again, or by the sweep; the deduplication id of the one is not that of the other.
    expect(receiver.received).toHaveLength(1)
  })

  test('a signature that is wrong, missing, or of a body with other spaces is 401, and nothing is recorded', async () => {
    qstash.faults.drops = () => true
    const { eventName } = await webhooks(1)
    const { messageId } = await broker.trigger(eventName)
    const [delivery] = await broker.deliveriesOf(messageId)
    const body = JSON.stringify({ deliveryId: delivery?.id, generation: 0 })
    const post = async (sent: string, signature?: string) => {
      const headers = signature === undefined ? {} : { 'upstash-signature': signature }
      return (await fetch(entrance, { method: 'POST', headers, body: sent })).status
    }
    const good = signToken({ key: qstash.currentSigningKey, url: entrance, body })
    const wrong = signToken({ key: 'sig_wrong', url: entrance, body })
    const statuses = [
      await post(body, wrong),
      await post(body),
      await post(body.replace(',', ', '), good),
    ]
    expect(statuses).toEqual([401, 401, 401])
    expect(await broker.delivery(delivery?.id ?? '')).toMatchObject({
      status: 'pending',
      attemptCount: 0,
      attempts: [],
    })
    // The control: with the right signature it is attempted.
    expect(await post(body, good)).toBe(200)
    expect(await broker.delivery(delivery?.id ?? '')).toMatchObject({
      status: 'delivered',
      attemptCount: 1,
    })
    expect(receiver.received).toHaveLength(1)
  })
})

describe('the rest of the broker', () => {
  test('a replay of a delivered message is sent again: its hand-over is new to QStash', async () => {
    const { eventName } = await webhooks(1)
    const { messageId } = await broker.trigger(eventName)
    const [first] = await broker.untilAll(messageId, 'delivered')
    const id = first?.id ?? ''
    expect((await broker.request('POST', `/api/v0/deliveries/${id}/replay`)).status).toBe(202)
    await receiver.waitFor(2)
    await broker.untilAll(messageId, 'delivered')
    expect(takenOf(id)).toEqual([`${id}-0`, `${id}-1`])
  })

  test('many are replayed by the API itself, without a queue to ask how full it is', async () => {
    const { eventName } = await webhooks(2)
    const { messageId } = await broker.trigger(eventName)
    await broker.untilAll(messageId, 'delivered')
    const body = JSON.stringify({ filter: { eventName } })
    expect((await broker.request('POST', '/api/v0/replays', { body })).status).toBe(202)
    await receiver.waitFor(4)
  })

  test('is ready without Redis and without a worker, and misses neither', async () => {
    const { status, json } = await broker.request('GET', '/readyz')
    expect([status, json['degraded'] ?? []]).toEqual([200, []])
  })

  test('a worker refuses to start: QStash calls the API', async () => {
    const worker = await startProcess({ script: 'local/worker.ts', env: broker.env })
    expect((await worker.exited).code).toBe(1)
    expect(worker.lines.join('\n')).toContain(
      'BROKER_DISPATCHER=qstash has no worker: QStash calls POST /internal/qstash of the API',
    )
  })

  test('an API that is told to end answers what it was attempting, and QStash need not call again', async () => {
    let answerIt = () => {}
    receiver.answer = (_request, response) => {
      answerIt = () => void response.writeHead(200).end()
    }
    const { eventName } = await webhooks(1)
    const { messageId } = await broker.trigger(eventName)
    await receiver.waitFor(1)
    const stopping = broker.api.stop()
    await waitUntil(
      () =>
        fetch(`${entrance}/`).then(
          () => false,
          () => true,
        ),
      {
        timeoutMs: 5_000,
        message: 'the API to take nothing new',
      },
    )
    answerIt()
    expect((await stopping).code).toBe(0)
    const [row] = await broker.schema.sql<{ status: string; attempt_count: number }>(
      'select status, attempt_count from deliveries where message_id = $1',
      [messageId],
    )
    expect(row).toEqual({ status: 'delivered', attempt_count: 1 })
    await qstash.idle()
    expect(qstash.calls.at(-1)).toMatchObject({ retried: 0, status: 200 })
  })
})
