// The examples for receivers, run: the broker delivers to each of them, and each refuses what is not the broker's.

import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeReceiver as makeExpress } from '../../examples/receivers/express.ts'
import { makeReceiver as makeHono } from '../../examples/receivers/hono.ts'
import { makeHandler } from '../../examples/receivers/lambda.ts'
import type { Facts } from '../../client/verify.ts'
import { startApi, type TestApi } from '../support/api-kit.ts'
import { waitUntil } from '../support/wait.ts'

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`
// Blanks, digits and letters that a parser and a serialiser would not give back as they were.
const PAYLOAD = `{ "size": 12345678901234567890, "name": "Katze 🐈", "fill": "${'x'.repeat(200_000)}" }`

type Handle = (event: Facts) => Promise<void>

/** What API Gateway does with a request. */
const behindApiGateway =
  (handler: ReturnType<typeof makeHandler>, base64: boolean): RequestListener =>
  (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const event = {
        headers: request.headers,
        body: Buffer.concat(chunks).toString(base64 ? 'base64' : 'utf8'),
        isBase64Encoded: base64,
      } as APIGatewayProxyEventV2
      void handler(event).then(({ statusCode = 500 }) => response.writeHead(statusCode).end())
    })
  }

const EXAMPLES: [string, (handle: Handle) => RequestListener][] = [
  ['Express', (handle) => makeExpress(SECRET, handle) as RequestListener],
  [
    'Hono',
    (handle) => {
      const listener = getRequestListener(makeHono(SECRET, handle).fetch)
      return (request, response) => void listener(request, response)
    },
  ],
  ['Lambda, text', (handle) => behindApiGateway(makeHandler(SECRET, handle), false)],
  ['Lambda, base64', (handle) => behindApiGateway(makeHandler(SECRET, handle), true)],
]

let api: TestApi
beforeAll(async () => {
  api = await startApi()
  api.deliver()
})
afterAll(() => api.close())

describe.each(EXAMPLES)('the example for %s', (name, make) => {
  const eventName = name.replace(/\W+/g, '_')
  const events: Facts[] = []
  const server = createServer(
    make((event) => {
      events.push(event)
      return Promise.resolve()
    }),
  )
  let url: string
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  it('takes a delivery of the broker, bytes and all, and refuses a forged one', async () => {
    const json = { eventName, webhookUrl: url, secret: SECRET }
    expect((await api.call('POST', '/api/v0/webhooks', { json })).status).toBe(201)

    const forged = await fetch(url, {
      method: 'POST',
      body: '{}',
      headers: {
        'webhook-id': 'msg_1',
        'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
        'webhook-signature': 'v1,AAAA',
        'webhook-event': eventName,
        'webhook-delivery-id': 'dlv_1',
        'webhook-attempt': '1',
      },
    })
    expect(forged.status).toBe(401)

    const { json: accepted } = await api.call('POST', `/api/v0/trigger-event/${eventName}`, {
      body: PAYLOAD,
      headers: { 'content-type': 'application/json' },
    })
    const path = `/api/v0/deliveries?messageId=${String(accepted['messageId'])}&status=delivered`
    await waitUntil(async () => {
      const { json: page } = await api.call('GET', path)
      return (page['deliveries'] as unknown[]).length === 1
    })
    // The one of the broker, and no other.
    expect(events).toMatchObject([
      { messageId: accepted['messageId'], eventName, attempt: 1, payload: { name: 'Katze 🐈' } },
    ])
  })
})
