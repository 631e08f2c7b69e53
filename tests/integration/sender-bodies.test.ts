// Bodies that never end, are huge, or break off: an attempt ends in time, and a status that arrived counts
// (O-RETRY-3, O-RETRY-4, O-RETRY-5).

import type { Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WebhookSender } from '../../lib/sender/webhook-sender.ts'
import { startRawReceiver, type RawReceiver } from '../support/raw-receiver.ts'
import { startReceiver } from '../support/receiver.ts'
import { answerOf, gist, requestTo, startSender } from '../support/sender-kit.ts'
import { waitUntil } from '../support/wait.ts'

const GIGABYTE = 1_000_000_000

let sender: WebhookSender
const raws: RawReceiver[] = []

beforeEach(() => {
  sender = startSender()
})

afterEach(async () => {
  sender.close()
  for (const raw of raws.splice(0)) await raw.close()
})

const raw = async (onRequest: (socket: Socket) => void) => {
  const started = await startRawReceiver(onRequest)
  raws.push(started)
  return started
}

const nothing = () => undefined

const headersOnly = (socket: Socket) => {
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n')
}

const bytePerInterval = (intervalMs: number) => (socket: Socket) => {
  socket.write('HTTP/1.1 200 OK\r\n\r\n')
  const timer = setInterval(() => socket.write('x'), intervalMs)
  socket.on('close', () => clearInterval(timer))
}

/** As fast as the other side reads. */
const stream = (head: string, chunk: Buffer, totalBytes: number) => (socket: Socket) => {
  socket.write(head)
  let sentBytes = 0
  const more = () => {
    while (sentBytes < totalBytes && !socket.destroyed) {
      sentBytes += chunk.length
      if (!socket.write(chunk)) {
        socket.once('drain', more)
        return
      }
    }
    if (!socket.destroyed) socket.end()
  }
  more()
}

const gigabyte = stream('HTTP/1.1 200 OK\r\n\r\n', Buffer.alloc(65_536, 'x'), GIGABYTE)
const endlessHeaders = stream(
  'HTTP/1.1 200 OK\r\n',
  Buffer.from('x-more: 1\r\n'.repeat(1_500)),
  GIGABYTE,
)
const endlessInterim = stream('', Buffer.from('HTTP/1.1 103 Hints\r\n\r\n'.repeat(750)), Infinity)

// The clock is read before the work begins: read after it, the first send of a process looked 16 ms too short.
const timed = async <T>(work: () => Promise<T>): Promise<{ value: T; tookMs: number }> => {
  const startedMs = performance.now()
  const value = await work()
  return { value, tookMs: performance.now() - startedMs }
}

describe('a deadline runs from the connection to the end of the body (O-RETRY-3)', () => {
  it('and ends an attempt that got headers and then nothing: the status counts', async () => {
    const { url } = await raw(headersOnly)
    const { value, tookMs } = await timed(() => sender.send(requestTo(url, { timeoutMs: 1_000 })))
    expect(answerOf(value)).toMatchObject({ statusCode: 200, bodyBroken: true })
    expect(tookMs).toBeGreaterThanOrEqual(990)
    expect(tookMs).toBeLessThan(1_100)
  })

  it('and is not put off by bytes that trickle', async () => {
    const { url } = await raw(bytePerInterval(100))
    const { value, tookMs } = await timed(() => sender.send(requestTo(url, { timeoutMs: 1_000 })))
    const response = answerOf(value)
    expect(response).toMatchObject({ statusCode: 200, bodyBroken: true })
    expect(Buffer.from(response.body).toString()).toMatch(/^x{1,10}$/)
    expect(tookMs).toBeLessThan(1_100)
  })

  it('and without headers the attempt has failed', async () => {
    const receiver = await raw(nothing)
    const { value, tookMs } = await timed(() =>
      sender.send(requestTo(receiver.url, { timeoutMs: 1_000 })),
    )
    expect(value).toEqual({
      kind: 'failed',
      code: 'timeout',
      detail: 'no response within 1000 ms',
      permanent: false,
      staleConnection: false,
    })
    expect(tookMs).toBeLessThan(1_100)
    await waitUntil(() => receiver.openConnections === 0, {
      message: 'the connection to be dropped',
    })
  })

  it('and interim answers without end do not put it off', async () => {
    const [flood, silence] = await Promise.all([raw(endlessInterim), raw(nothing)])
    const send = (url: string) => timed(() => sender.send(requestTo(url, { timeoutMs: 1_000 })))
    const [flooded, silent] = await Promise.all([send(flood.url), send(silence.url)])
    expect([gist(flooded.value), gist(silent.value)]).toEqual(['timeout', 'timeout'])
    // The flood comes from this very process and keeps its timers busy: it may take what silence beside it takes, and no more.
    expect(flooded.tookMs - silent.tookMs).toBeLessThan(100)
    expect(flooded.tookMs).toBeGreaterThanOrEqual(990)
  })

  it('and covers a name that never resolves, after which nobody connects', async () => {
    const receiver = await startReceiver()
    let answer: (() => void) | undefined
    const slow = startSender({
      resolve: () =>
        new Promise((resolve) => {
          answer = () => resolve([{ address: '127.0.0.1', family: 4 }])
        }),
    })
    const url = `http://slow.test:${receiver.port}/`
    const { value, tookMs } = await timed(() => slow.send(requestTo(url, { timeoutMs: 500 })))
    expect(value).toMatchObject({ code: 'timeout', detail: 'no connection within 500 ms' })
    expect(tookMs).toBeLessThan(600)
    answer?.()
    // The control message: the receiver is there, and counts.
    expect(gist(await sender.send(requestTo(receiver.url)))).toBe(200)
    expect(receiver.connections).toBe(1)
    await receiver.close()
  })
})

it('20 receivers that never finish delay neither their own deadlines nor a healthy receiver', async () => {
  const timeoutMs = 2_000
  const kinds = [nothing, headersOnly, bytePerInterval(1_000), gigabyte, endlessHeaders]
  const bad = await Promise.all(Array.from({ length: 20 }, (_, n) => raw(kinds[n % 5] ?? nothing)))
  const healthy = await startReceiver()
  const badOnes = bad.map(({ url }) => timed(() => sender.send(requestTo(url, { timeoutMs }))))
  const good = await timed(() => sender.send(requestTo(healthy.url, { timeoutMs })))
  expect(gist(good.value)).toBe(200)
  expect(good.tookMs).toBeLessThan(1_000)
  const ends = await Promise.all(badOnes)
  for (const { tookMs } of ends) expect(tookMs).toBeLessThan(2_200)
  // Row by row: nothing at all; headers only; a byte a second; a gigabyte; headers without end.
  const expected = ['timeout', 200, 200, 200, 'protocol']
  expect(ends.map(({ value }) => gist(value))).toEqual([
    ...expected,
    ...expected,
    ...expected,
    ...expected,
  ])
  for (const receiver of bad) expect(receiver.requests).toHaveLength(1)
  await waitUntil(() => bad.every(({ openConnections }) => openConnections === 0), {
    message: 'every bad connection to be dropped',
  })
  await healthy.close()
})

describe('a huge body (O-RETRY-4)', () => {
  it('is read to 64 KiB and kept to 8 KiB, and memory stays flat', async () => {
    const receiver = await raw(gigabyte)
    const before = process.memoryUsage().rss
    for (let n = 0; n < 20; n += 1) {
      const response = answerOf(await sender.send(requestTo(receiver.url)))
      expect(response.statusCode).toBe(200)
      expect(response.body).toHaveLength(8_192)
      expect(response.bodyBroken).toBe(true)
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000)
    expect(receiver.requests).toHaveLength(20)
    await waitUntil(() => receiver.openConnections === 0, {
      message: 'the connections to be dropped',
    })
  })

  it('that is only announced is no failure', async () => {
    const { url } = await raw((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n${'y'.repeat(100_000)}`)
    })
    const response = answerOf(await sender.send(requestTo(url)))
    expect(response).toMatchObject({ statusCode: 200, bodyBroken: true })
    expect(response.body).toHaveLength(8_192)
  })

  it('of 64 KiB is read to its end, and the connection lives on', async () => {
    const receiver = await startReceiver({
      answer: (_request, response) => {
        response.end(Buffer.alloc(65_536, 'z'))
      },
    })
    for (let n = 0; n < 2; n += 1) {
      const response = answerOf(await sender.send(requestTo(receiver.url)))
      expect(response.bodyBroken).toBe(false)
      expect(Buffer.from(response.body).equals(Buffer.alloc(8_192, 'z'))).toBe(true)
    }
    expect(receiver.connections).toBe(1)
    await receiver.close()
  })
})

describe('a connection that breaks after the status (O-RETRY-5)', () => {
  it('in the middle of the body leaves an answer with a broken body', async () => {
    const receiver = await raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc', () =>
        socket.resetAndDestroy(),
      )
    })
    const response = answerOf(await sender.send(requestTo(receiver.url)))
    expect(response).toMatchObject({ statusCode: 200, bodyBroken: true })
    expect(receiver.requests).toHaveLength(1)
  })

  it('in the middle of the chunks, or with a chunk that is none, leaves an answer, too', async () => {
    for (const body of ['5\r\nabc', '3\r\nabc\r\nnonsense\r\n']) {
      const { url } = await raw((socket) => {
        socket.end(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body}`)
      })
      const response = answerOf(await sender.send(requestTo(url)))
      expect(response).toMatchObject({ statusCode: 200, bodyBroken: true })
      expect(Buffer.from(response.body).toString()).toBe('abc')
    }
  })

  it('without a length is the end of the body, and no body is no fault', async () => {
    const { url } = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'))
    expect(answerOf(await sender.send(requestTo(url)))).toMatchObject({
      statusCode: 200,
      bodyBroken: false,
    })
    const empty = await raw((socket) => socket.end('HTTP/1.1 204 No Content\r\n\r\n'))
    expect(answerOf(await sender.send(requestTo(empty.url)))).toMatchObject({
      statusCode: 204,
      bodyBroken: false,
    })
  })
})
