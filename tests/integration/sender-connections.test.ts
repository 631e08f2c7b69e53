// Connections that are used again, that die under a request (O-RETRY-6), and requests that must not start (W4).

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WebhookSender } from '../../lib/sender/webhook-sender.ts'
import { startRawReceiver } from '../support/raw-receiver.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { gist, requestTo, startSender } from '../support/sender-kit.ts'
import { waitUntil } from '../support/wait.ts'

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'

let receiver: Receiver
let sender: WebhookSender

beforeEach(async () => {
  receiver = await startReceiver()
  sender = startSender()
})

afterEach(async () => {
  sender.close()
  await receiver.close()
})

const connectionsUsed = () => receiver.received.map(({ connection }) => connection)

describe('a connection', () => {
  it('carries one attempt after the other', async () => {
    for (let n = 0; n < 5; n += 1) await sender.send(requestTo(`${receiver.url}/${n}`))
    expect(connectionsUsed()).toEqual([1, 1, 1, 1, 1])
  })

  it('carries one attempt at a time: 200 at once get 200 connections, and none waits for another', async () => {
    receiver.answer = (_request, response) => {
      // Answers only when all are here: fewer connections would wait for ever.
      if (receiver.received.length === 200) {
        receiver.answer = 200
        for (const answer of [...held, response]) answer.end()
      } else held.push(response)
    }
    const held: { end(): void }[] = []
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, n) => sender.send(requestTo(`${receiver.url}/${n}`))),
    )
    expect(outcomes.map(gist)).toEqual(Array.from({ length: 200 }, () => 200))
    expect(receiver.connections).toBe(200)
  })

  it('is not used again when the receiver says so, or when it is 60 s old', async () => {
    receiver.answer = (_request, response) => {
      response.setHeader('connection', 'close').end()
    }
    await sender.send(requestTo(receiver.url))
    receiver.answer = 200
    await sender.send(requestTo(receiver.url))
    expect(connectionsUsed()).toEqual([1, 2])

    let nowMs = 0
    const aging = startSender({ elapsedMs: () => nowMs })
    for (nowMs of [0, 59_999, 60_000]) await aging.send(requestTo(receiver.url))
    aging.close()
    expect(connectionsUsed()).toEqual([1, 2, 3, 3, 4])
  })

  it('that is idle is closed when there are too many, the oldest first', async () => {
    const small = startSender({ maxIdleConnections: 3 })
    const others = await Promise.all([1, 2, 3, 4, 5].map(() => startReceiver()))
    for (const { url } of others) await small.send(requestTo(url))
    await waitUntil(
      () => others.filter(({ openConnections }) => openConnections === 1).length === 3,
      {
        message: 'three connections to stay',
      },
    )
    expect(others.map(({ openConnections }) => openConnections)).toEqual([0, 0, 1, 1, 1])
    small.close()
    await waitUntil(() => others.every(({ openConnections }) => openConnections === 0), {
      message: 'the rest to be closed',
    })
    for (const other of others) await other.close()
  })

  it('is closed after an attempt that ends when the sender is closed already', async () => {
    const late = startSender()
    receiver.answer = (_request, response) => {
      late.close()
      response.end()
    }
    expect(gist(await late.send(requestTo(receiver.url)))).toBe(200)
    await waitUntil(() => receiver.openConnections === 0, {
      message: 'the connection to be closed',
    })
  })

  it('with bytes that nobody asked for does not answer the next request', async () => {
    const raw = await startRawReceiver((socket, count) => {
      if (count === 1) socket.write(`${OK}HTTP/1.1 500 Smuggled\r\ncontent-length: 0\r\n\r\n`)
      else socket.write(OK)
    })
    expect(gist(await sender.send(requestTo(raw.url)))).toBe(200)
    expect(gist(await sender.send(requestTo(raw.url)))).toBe(200)
    expect(raw.connections).toBe(2)
    await raw.close()
  })
})

describe('a connection that the receiver closes under the sender (O-RETRY-6)', () => {
  it('never costs a delivery: of 200 each fails as stale or arrives, and none arrives twice', async () => {
    receiver.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '0', connection: 'keep-alive' })
      response.end(() => response.socket?.destroy())
    }
    const arrived: string[] = []
    let stale = 0
    for (let n = 0; n < 200; n += 1) {
      // What the plan of the next attempt does: a stale connection is no answer, so the delivery is sent again.
      for (let tries = 0; ; tries += 1) {
        expect(tries).toBeLessThan(3)
        const outcome = await sender.send(requestTo(`${receiver.url}/${n}`))
        if (outcome.kind === 'answered') break
        expect(outcome).toMatchObject({ code: 'reset', permanent: false, staleConnection: true })
        stale += 1
      }
      arrived.push(`/${n}`)
    }
    expect(receiver.received.map(({ url }) => url)).toEqual(arrived)
    expect(arrived).toHaveLength(200)
    expect(stale).toBeLessThan(200)
  })

  it('after the request has arrived there is no second request by the client itself', async () => {
    const raw = await startRawReceiver((socket, count) => {
      if (count === 1) socket.write(OK)
      else socket.destroy()
    })
    expect(gist(await sender.send(requestTo(raw.url)))).toBe(200)
    expect(await sender.send(requestTo(raw.url))).toEqual({
      kind: 'failed',
      code: 'reset',
      detail: 'the connection was closed before a response (UND_ERR_SOCKET)',
      permanent: false,
      staleConnection: true,
    })
    expect(raw.requests).toHaveLength(2)
    expect(raw.connections).toBe(1)
    // The same on a new connection is the receiver's doing.
    expect(await sender.send(requestTo(raw.url))).toMatchObject({
      code: 'reset',
      staleConnection: false,
    })
    expect(raw.requests).toHaveLength(3)
    await raw.close()
  })

  it('after a part of the answer is not stale', async () => {
    let breakConnection: (() => void) | undefined
    const raw = await startRawReceiver((socket, count) => {
      if (count === 1) socket.write(OK)
      else {
        socket.write('HTTP/1.1 20')
        breakConnection = () => socket.resetAndDestroy()
      }
    })
    await sender.send(requestTo(raw.url))
    const attempt = sender.send(requestTo(raw.url))
    await waitUntil(() => breakConnection !== undefined, { message: 'the second request' })
    // By the time another receiver has answered, the part has been read.
    await sender.send(requestTo(receiver.url))
    breakConnection?.()
    expect(await attempt).toMatchObject({ code: 'reset', staleConnection: false })
    expect(raw.requests).toHaveLength(2)
    await raw.close()
  })

  it('while it is idle costs nothing: the next attempt opens another one', async () => {
    const other = await startReceiver()
    await sender.send(requestTo(receiver.url))
    const { port } = receiver
    await receiver.close()
    receiver = await startReceiver({ port })
    // By the time another receiver has answered, the end of the idle connection has been read, which came before.
    await sender.send(requestTo(other.url))
    await other.close()
    expect(gist(await sender.send(requestTo(receiver.url)))).toBe(200)
    expect(receiver.connections).toBe(1)
  })
})

describe('a lease that is lost (W4)', () => {
  const LOST = {
    kind: 'failed',
    code: 'timeout',
    detail: 'lease lost before sending',
    permanent: false,
    staleConnection: false,
  }

  it('is noticed after the connection stands, and no byte is sent on a new one', async () => {
    let bytes = 0
    const raw = await startRawReceiver(
      (socket) => socket.write(OK),
      (socket) => socket.on('data', (chunk) => (bytes += chunk.length)),
    )
    const asked: number[] = []
    const mayStillSend = () => {
      asked.push(raw.connections)
      return false
    }
    expect(await sender.send(requestTo(raw.url, { mayStillSend }))).toEqual(LOST)
    expect(asked).toHaveLength(1)
    await waitUntil(() => raw.connections === 1, { message: 'the connection to be counted' })
    await waitUntil(() => raw.openConnections === 0, { message: 'the connection to be dropped' })
    expect(bytes).toBe(0)
    // The control message, by the same sender.
    expect(gist(await sender.send(requestTo(raw.url)))).toBe(200)
    expect(raw.requests).toHaveLength(1)
    expect(bytes).toBeGreaterThan(0)
    await raw.close()
  })

  it('is noticed on a connection that is used again, too', async () => {
    await sender.send(requestTo(`${receiver.url}/1`))
    const outcome = await sender.send(requestTo(`${receiver.url}/2`, { mayStillSend: () => false }))
    expect(outcome).toEqual(LOST)
    await sender.send(requestTo(`${receiver.url}/3`))
    expect(receiver.received.map(({ url }) => url)).toEqual(['/1', '/3'])
  })

  it('is asked for once an attempt, and not at all when there is no connection', async () => {
    let asked = 0
    const mayStillSend = () => {
      asked += 1
      return true
    }
    await sender.send(requestTo(receiver.url, { mayStillSend }))
    await sender.send(requestTo(receiver.url, { mayStillSend }))
    expect(asked).toBe(2)
    await sender.send(requestTo('http://127.0.0.2:1/', { mayStillSend }))
    await sender.send(requestTo('http://nowhere.invalid/', { mayStillSend }))
    expect(asked).toBe(2)
  })
})
