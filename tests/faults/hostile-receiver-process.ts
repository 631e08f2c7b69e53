// Receivers that misbehave (F10), as a process of their own: one port for each kind, so that each is an origin. They are
// written on the socket, because no HTTP server would do what they do. They judge nothing; the test asks what they saw.

import { createServer as createHttpServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { argv, stdout } from 'node:process'
import { fileURLToPath } from 'node:url'
import { makeSelfSigned } from '../support/certificates.ts'
import { startRawReceiver } from '../support/raw-receiver.ts'

export const HOSTILE_KINDS = [
  'silent',
  'slow-headers',
  'slow-body',
  'slow-failure',
  'never-close',
  'gigabyte',
  'redirect',
  'reset',
  'garbage',
  'bad-certificate',
  'no-tls',
] as const
export type HostileKind = (typeof HOSTILE_KINDS)[number]

/** What `GET <control>/` answers. */
export type HostileSeen = {
  /** Requests that had arrived in full. */
  requests: Partial<Record<HostileKind, number>>
  /** Connections that are still open. */
  open: Partial<Record<HostileKind, number>>
  /** The most bytes of one gigabyte that were handed to a socket before it was gone. */
  mostBytes: number
  /** Connections to where the redirect leads. */
  led: number
}

/** The first line: where each of them is. */
export type HostileAddresses = Record<HostileKind | 'control' | 'target', string>

const BYTE_EVERY_MS = 200
const GIGABYTE = 1_000_000_000
const CHUNK = Buffer.alloc(65_536, 'x')

const drip = (head: string) => (socket: Socket) => {
  socket.write(head)
  const timer = setInterval(() => socket.write('x'), BYTE_EVERY_MS)
  socket.on('close', () => clearInterval(timer))
}

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A gigabyte as fast as the other side reads it, without a length. */
const flood = (tell: (bytes: number) => void) => (socket: Socket) => {
  let bytes = 0
  socket.write('HTTP/1.1 200 OK\r\n\r\n')
  const more = () => {
    while (bytes < GIGABYTE && !socket.destroyed) {
      bytes += CHUNK.length
      tell(bytes)
      if (!socket.write(CHUNK)) {
        socket.once('drain', more)
        return
      }
    }
    if (!socket.destroyed) socket.end()
  }
  more()
}

const serve = async (): Promise<void> => {
  let led = 0
  let mostBytes = 0
  const target = createHttpServer((_request, response) => response.end())
  target.on('connection', () => {
    led += 1
  })
  const targetUrl = `http://${await listen(target)}/`
  const raw = {
    silent: () => undefined,
    'slow-headers': drip('HTTP/1.1 200 OK\r\nx-slow: '),
    'slow-body': drip('HTTP/1.1 200 OK\r\n\r\n'),
    'slow-failure': drip('HTTP/1.1 500 Internal Server Error\r\n\r\n'),
    'never-close': (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nthat is all'),
    gigabyte: flood((bytes) => {
      mostBytes = Math.max(mostBytes, bytes)
    }),
    redirect: (socket: Socket) =>
      socket.write(
        `HTTP/1.1 301 Moved\r\nlocation: ${targetUrl}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
      ),
    reset: (socket: Socket) => socket.resetAndDestroy(),
    garbage: (socket: Socket) => socket.end('220 mail.example.com ESMTP\r\n250 whatever\r\n'),
  } satisfies Partial<Record<HostileKind, (socket: Socket) => unknown>>

  const started = await Promise.all(
    Object.entries(raw).map(async ([kind, answer]) => {
      const receiver = await startRawReceiver(answer)
      return { kind, receiver }
    }),
  )
  // Addressed as https, so that no request is ever complete: it answers the first bytes.
  const noTls = createTcpServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  })
  const certificate = await makeSelfSigned('IP:127.0.0.1')
  const untrusted = createTlsServer(certificate, (_request, response) => response.end())
  const control = createHttpServer((_request, response) => {
    const seen: HostileSeen = {
      requests: Object.fromEntries(started.map((s) => [s.kind, s.receiver.requests.length])),
      open: Object.fromEntries(started.map((s) => [s.kind, s.receiver.openConnections])),
      mostBytes,
      led,
    }
    response.end(JSON.stringify(seen))
  })
  const addresses = {
    ...Object.fromEntries(started.map(({ kind, receiver }) => [kind, receiver.url])),
    'no-tls': `https://${await listen(noTls)}`,
    'bad-certificate': `https://${await listen(untrusted)}`,
    control: `http://${await listen(control)}`,
    target: targetUrl,
  }
  stdout.write(`hostile receiver ready ${JSON.stringify(addresses)}\n`)
  process.once('SIGTERM', () => process.exit(0))
}

if (argv[1] === fileURLToPath(import.meta.url)) await serve()
