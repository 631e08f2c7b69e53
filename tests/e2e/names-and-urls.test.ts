// What counts as one webhook, and names and URLs that broke other queues.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { startBroker, type Broker } from './support.ts'

let broker: Broker
let receiver: Receiver

beforeAll(async () => {
  ;[broker, receiver] = await Promise.all([
    startBroker({ roles: ['api', 'worker'] }),
    startReceiver(),
  ])
})
beforeEach(() => {
  receiver.received.length = 0
})
afterAll(() => Promise.all([broker.stop(), receiver.close()]))

const register = (eventName: string, webhookUrl: string) =>
  broker.request('POST', '/api/v0/webhooks', { body: JSON.stringify({ eventName, webhookUrl }) })

// O-DUP-1: the same URL in another spelling became a second hook, and every event arrived twice.
test('five spellings of a URL are one webhook, a slash or a query more is another one', async () => {
  const host = `127.0.0.1:${receiver.port}`
  const same = [
    `http://${host}/h`,
    `http://${host}/h`,
    `HTTP://${host}/h`,
    `http://${host}/x/../h`,
    `http://${host}/h#frag`,
  ]
  const answers = []
  for (const url of same) answers.push(await register('spelled', url))
  expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200, 200])
  expect(new Set(answers.map(({ json }) => json['id'])).size).toBe(1)
  expect(new Set(answers.map(({ json }) => json['webhookUrl']))).toEqual(
    new Set([`http://${host}/h`]),
  )
  // The secret is shown once, to whoever registered it first.
  expect(answers.map(({ json }) => typeof json['secret'])).toEqual([
    'string',
    ...Array<string>(4).fill('undefined'),
  ])
  expect((await register('spelled', `http://${host}/h/`)).status).toBe(201)
  expect((await register('spelled', `http://${host}/h?x=1`)).status).toBe(201)

  const { messageId, deliveries } = await broker.trigger('spelled')

  expect(deliveries).toBe(3)
  expect(await broker.untilAll(messageId, 'delivered')).toHaveLength(3)
  expect(receiver.received.map(({ url }) => url).sort()).toEqual(['/h', '/h/', '/h?x=1'])
})

// O-QUEUE-1: job ids made of names or URLs held colons or were all digits; add() threw, callers swallowed the error, and
// the work was never queued. Exactly three parts still passed, which hid it.
test.each(['evt:a', 'evt:a:b'])('a name with a colon is refused at the door: %s', async (name) => {
  const answer = await register(name, `${receiver.url}/h`)
  expect(answer.status).toBe(400)
  expect(answer.json['code']).toBe('invalid_event_name')
  const trigger = await broker.request('POST', `/api/v0/trigger-event/${name}`, { body: '{}' })
  expect(trigger.status).toBe(400)
  expect(trigger.json['code']).toBe('invalid_event_name')
})

test('a name of digits, and a URL with a port, colons and a query, deliver through the queue', async () => {
  await broker.register('123', `${receiver.url}/a:b:c/%3A?u=http://x:1/&n=123`)

  const { messageId, deliveries } = await broker.trigger('123')

  expect(deliveries).toBe(1)
  await broker.untilAll(messageId, 'delivered')
  expect(receiver.received.map(({ url }) => url)).toEqual(['/a:b:c/%3A?u=http://x:1/&n=123'])
})
