// A real HTTP server on port 0 that records what it gets, byte for byte. What it answers can be changed at any time.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

export type Received = {
  method: string
  /** Path and query as they stood on the request line. */
  url: string
  headers: IncomingMessage['headers']
  rawHeaders: string[]
  body: Buffer
  /** Milliseconds since 1970, when the body had arrived in full. */
  arrivedAtMs: number
  /** Counts connections from 1: two requests with one number came over one socket. */
  connection: number
}

/** A status, or a function that answers (or breaks off, or never answers) by itself; `response.socket` is the socket. */
export type Answer = number | ((request: Received, response: ServerResponse) => void)

export type Receiver = {
  /** Without a path, e.g. `http://127.0.0.1:40123`. */
  url: string
  port: number
  received: Received[]
  /** Connections accepted so far, also those that never sent a byte. */
  readonly connections: number
  /** Connections open now. */
  readonly openConnections: number
  answer: Answer
  /** Resolves with the first `count` requests, as soon as that many have arrived since the start. */
  waitFor(count: number, options?: { timeoutMs?: number }): Promise<Received[]>
  /** Destroys every socket and stops listening. */
  close(): Promise<void>
}

export type ReceiverOptions = {
  host?: string
  answer?: Answer
  /** Serves HTTPS with this key and certificate (PEM). */
  tls?: { key: string; cert: string }
  port?: number
}

export const startReceiver = async (options: ReceiverOptions = {}): Promise<Receiver> => {
  const host = options.host ?? '127.0.0.1'
  const numbers = new WeakMap<Socket, number>()
  const open = new Set<Socket>()
  const waiting = new Set<() => void>()
  let connections = 0

  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const entry: Received = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        rawHeaders: request.rawHeaders,
        body: Buffer.concat(chunks),
        arrivedAtMs: Date.now(),
        connection: numbers.get(request.socket) ?? 0,
      }
      receiver.received.push(entry)
      respond(receiver.answer, entry, response)
      for (const check of [...waiting]) check()
    })
    // A sender that breaks off is an ordinary case here, not an error of the test.
    request.on('error', () => undefined)
    response.on('error', () => undefined)
  }

  // Two minutes of idle time: a test that wants a connection closed closes it itself.
  const server =
    options.tls === undefined
      ? createServer({ keepAliveTimeout: 120_000 }, onRequest)
      : createTlsServer({ ...options.tls, keepAliveTimeout: 120_000 }, onRequest)
  server.on('connection', (socket: Socket) => {
    connections += 1
    numbers.set(socket, connections)
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => undefined)
  })
  server.on('secureConnection', (socket: Socket) => {
    numbers.set(socket, connections)
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const { port } = server.address() as AddressInfo

  const receiver: Receiver = {
    url: `${options.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    received: [],
    get connections() {
      return connections
    },
    get openConnections() {
      return open.size
    },
    answer: options.answer ?? 200,
    waitFor: (count, { timeoutMs = 10_000 } = {}) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (receiver.received.length < count) return
          clearTimeout(timer)
          waiting.delete(check)
          resolve(receiver.received.slice(0, count))
        }
        const timer = setTimeout(() => {
          waiting.delete(check)
          reject(
            new Error(
              `waited ${timeoutMs} ms for ${count} requests, got ${receiver.received.length}`,
            ),
          )
        }, timeoutMs)
        waiting.add(check)
        check()
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        for (const socket of open) socket.destroy()
      }),
  }
  return receiver
}

const respond = (answer: Answer, request: Received, response: ServerResponse) => {
  if (typeof answer === 'number') response.writeHead(answer).end()
  else answer(request, response)
}
