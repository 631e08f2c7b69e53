// What a receiver gets from one attempt, and what its answer becomes (O-RETRY-2, O-URL-2).

import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest'
import { gzipSync } from 'node:zlib'
import type { WebhookSender } from '../../lib/sender/webhook-sender.ts'
import { startRawReceiver } from '../support/raw-receiver.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { answerOf, gist, requestTo, startSender } from '../support/sender-kit.ts'

let receiver: Receiver
let sender: WebhookSender

beforeAll(async () => {
  receiver = await startReceiver()
  sender = startSender()
})

afterEach(() => {
  receiver.received.length = 0
  receiver.answer = 200
})

afterAll(async () => {
  sender.close()
  await receiver.close()
})

/** One attempt to a server that answers with these bytes and ends the connection. */
const postToRaw = async (answer: string | Buffer) => {
  const raw = await startRawReceiver((socket) => socket.end(answer))
  const outcome = await sender.send(requestTo(raw.url))
  await raw.close()
  expect(raw.requests).toHaveLength(1)
  return outcome
}

describe('the request', () => {
  it('carries the bytes as they are, with their length and the headers of the caller', async () => {
    const body = Buffer.from([0x7b, 0x22, 0xc3, 0xa9, 0xff, 0x00, 0x0a, 0x22, 0x7d])
    await sender.send(
      requestTo(`${receiver.url}/a%2Fb/?q=1&q=%20`, {
        body,
        headers: { 'content-type': 'application/json', 'x-custom': 'é ü', 'webhook-id': 'msg_2' },
      }),
    )
    const [request] = receiver.received
    expect(request?.method).toBe('POST')
    expect(request?.url).toBe('/a%2Fb/?q=1&q=%20')
    expect(request?.body.equals(body)).toBe(true)
    expect(request?.rawHeaders).toEqual([
      'host',
      `127.0.0.1:${receiver.port}`,
      'connection',
      'keep-alive',
      'content-type',
      'application/json',
      'x-custom',
      'é ü',
      'webhook-id',
      'msg_2',
      'content-length',
      '9',
    ])
  })

  it('says that an empty body has no bytes', async () => {
    await sender.send(requestTo(receiver.url, { body: new Uint8Array(0) }))
    expect(receiver.received[0]?.headers['content-length']).toBe('0')
    expect(receiver.received[0]?.headers['transfer-encoding']).toBeUndefined()
  })

  it('carries a view into a larger buffer without its surroundings, up to 256 KiB', async () => {
    const whole = Buffer.alloc(300_000, 'x')
    await sender.send(requestTo(receiver.url, { body: whole.subarray(1_000, 1_000 + 262_144) }))
    expect(receiver.received[0]?.body).toHaveLength(262_144)
  })

  it('fails, and does not throw, when a header cannot be written', async () => {
    const outcome = await sender.send(requestTo(receiver.url, { headers: { 'x-a': 'a\r\nb: c' } }))
    expect(gist(outcome)).toBe('protocol')
    expect(gist(await sender.send(requestTo('ftp://127.0.0.1/')))).toBe('protocol')
    expect(gist(await sender.send(requestTo('no URL')))).toBe('protocol')
    expect(gist(await sender.send(requestTo(receiver.url)))).toBe(200)
    expect(receiver.received).toHaveLength(1)
  })
})

describe('the answer', () => {
  test.each([
    200, 201, 204, 299, 301, 302, 304, 400, 401, 404, 408, 410, 425, 429, 500, 501, 503, 600, 999,
  ])('of status %i is an answer, after one request', async (status) => {
    receiver.answer = status
    expect(gist(await sender.send(requestTo(receiver.url)))).toBe(status)
    expect(receiver.received).toHaveLength(1)
  })

  it('is kept with lower-case headers and its body', async () => {
    receiver.answer = (_request, response) => {
      response
        .writeHead(429, { 'Retry-After': '3', 'X-Twice': ['a', 'b'], Via: 'x' })
        .end('slow down')
    }
    const response = answerOf(await sender.send(requestTo(receiver.url)))
    expect(response.headers).toMatchObject({ 'retry-after': '3', 'x-twice': 'a, b', via: 'x' })
    expect(Buffer.from(response.body).toString()).toBe('slow down')
    expect(response.bodyBroken).toBe(false)
  })

  it('is kept without cookies and credentials, with at most 64 headers of 8 KiB, but with Retry-After', async () => {
    receiver.answer = (_request, response) => {
      response.setHeader('Set-Cookie', ['session=S3CRET'])
      response.setHeader('X-Api-Key', 'S3CRET')
      response.setHeader('WWW-Authenticate', 'Bearer S3CRET')
      for (let n = 0; n < 100; n += 1) response.setHeader(`x-${n}`, 'v')
      response.setHeader('Retry-After', '7')
      response.writeHead(503).end()
    }
    const many = answerOf(await sender.send(requestTo(receiver.url))).headers
    expect(Object.keys(many)).toHaveLength(64)
    expect(many['retry-after']).toBe('7')
    expect(JSON.stringify(many)).not.toContain('S3CRET')

    receiver.answer = (_request, response) => {
      response.writeHead(200, { 'x-large': 'v'.repeat(9_000), 'x-small': 'v' }).end()
    }
    const large = answerOf(await sender.send(requestTo(receiver.url))).headers
    expect(large['x-large']).toBeUndefined()
    expect(large['x-small']).toBe('v')
  })

  it('is not decompressed', async () => {
    const packed = gzipSync('x'.repeat(1_000))
    receiver.answer = (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed)
    }
    const response = answerOf(await sender.send(requestTo(receiver.url)))
    expect(Buffer.from(response.body).equals(packed)).toBe(true)
    expect(receiver.received[0]?.headers['accept-encoding']).toBeUndefined()
  })

  test.each([301, 302, 303, 307, 308])(
    'of status %i is not followed to an internal host (O-URL-2)',
    async (status) => {
      const forbidden = await startReceiver({ host: '127.0.0.2' })
      receiver.answer = (_request, response) => {
        response.writeHead(status, { location: `${forbidden.url}/x` }).end()
      }
      expect(gist(await sender.send(requestTo(receiver.url)))).toBe(status)
      // The control message: the forbidden receiver counts what reaches it.
      const careless = startSender({ allowed: '127.0.0.2/32' })
      expect(gist(await careless.send(requestTo(`${forbidden.url}/control`)))).toBe(200)
      careless.close()
      expect(forbidden.received.map(({ url }) => url)).toEqual(['/control'])
      expect(forbidden.connections).toBe(1)
      await forbidden.close()
    },
  )
})

describe('interim answers', () => {
  const FINAL = 'HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok'
  test.each([
    ['100', `HTTP/1.1 100 Continue\r\n\r\n${FINAL}`],
    [
      'two 100s with headers',
      `HTTP/1.1 100 Continue\r\nx: 1\r\n\r\nHTTP/1.1 100 Go on\r\n\r\n${FINAL}`,
    ],
    [
      '102 and 103',
      `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Hints\r\nlink: </a>\r\n\r\n${FINAL}`,
    ],
    [
      '103 and 100',
      `HTTP/1.1 103 Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${FINAL}`,
    ],
  ])('%s come before the final one and do not confuse', async (_name, answer) => {
    const response = answerOf(await postToRaw(answer))
    expect(response.statusCode).toBe(201)
    expect(Buffer.from(response.body).toString()).toBe('ok')
    expect(response.headers['link']).toBeUndefined()
  })

  it('leave a body that reads like an interim answer alone', async () => {
    const body = 'HTTP/1.1 100 Continue\r\n\r\n'
    const response = answerOf(
      await postToRaw(`HTTP/1.1 200 OK\r\ncontent-length: 25\r\n\r\n${body}`),
    )
    expect(Buffer.from(response.body).toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n')
  })
})

describe('no HTTP answer', () => {
  test.each([
    ['garbage', 'protocol', 'this is not HTTP at all\r\n\r\n'],
    ['half a head', 'protocol', 'HTTP/1.1 200 OK\r\nx: 1\r\n'],
    [
      'an upgrade that nobody asked for',
      'protocol',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    ],
    ['a head of 20,000 bytes', 'protocol', `HTTP/1.1 200 OK\r\nx: ${'v'.repeat(20_000)}\r\n\r\n`],
    [
      'two lengths',
      'protocol',
      'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
    ],
    ['nothing', 'reset', ''],
  ])('%s is a failure with the code %s', async (_name, code, answer) => {
    expect(await postToRaw(answer)).toMatchObject({
      kind: 'failed',
      code,
      permanent: false,
      staleConnection: false,
    })
  })

  it('because nobody listens is refused, and because a name is unknown is dns', async () => {
    const gone = await startReceiver()
    await gone.close()
    expect(await sender.send(requestTo(gone.url))).toEqual({
      kind: 'failed',
      code: 'refused',
      detail: 'no connection was possible (ECONNREFUSED)',
      permanent: false,
      staleConnection: false,
    })
    expect(await sender.send(requestTo('http://nowhere.invalid/'))).toMatchObject({
      code: 'dns',
      permanent: false,
    })
  })

  it('because the connection is reset is a reset', async () => {
    const raw = await startRawReceiver((socket) => socket.resetAndDestroy())
    expect(await sender.send(requestTo(raw.url))).toMatchObject({
      code: 'reset',
      staleConnection: false,
    })
    expect(raw.requests).toHaveLength(1)
    await raw.close()
  })
})
