// One connection to one origin: an undici client that carries one request at a time, and what must be known about its
// socket: how many requests it has carried, how old it is, whether it has said anything.

import type { Socket } from 'node:net'
import { Client, type Dispatcher } from 'undici'
import type { Clock } from '../broker/ports.ts'
import type { GuardedConnect } from './guarded-connect.ts'
import { maskContinue } from './interim.ts'

export type ConnectionHandler = Dispatcher.DispatchHandler

export type Connection = {
  readonly origin: string
  readonly secure: boolean
  dispatch(
    request: { path: string; headers: Record<string, string>; body: Uint8Array },
    handler: ConnectionHandler,
  ): void
  /** To be called when the request is about to be written. */
  beginRequest(): void
  /** To be called when the head of the final response has arrived. */
  endOfHead(): void
  /** Whether the socket carried a request before the one that began last. */
  wasReused(): boolean
  /** Whether the receiver has sent any byte since the request began. */
  wasHeard(): boolean
  /** How long the socket has been open, in ms. */
  ageMs(): number
  isOpen(): boolean
  /** Closes it at once, also while it connects or resolves a name. Can be repeated. */
  destroy(): void
}

export type ConnectionDeps = {
  connect: GuardedConnect
  clock: Pick<Clock, 'elapsedMs'>
  /** Called when the socket is gone, whoever closed it. */
  onClosed(connection: Connection): void
}

const CLIENT_OPTIONS: Client.Options = {
  pipelining: 1,
  // The attempt has one deadline of its own; a second clock would end it sooner, or be reset by every chunk.
  headersTimeout: 0,
  bodyTimeout: 0,
  maxHeaderSize: 16_384,
  // Shorter than the 5 s after which Node and others close an idle connection. A receiver that says `keep-alive:
  // timeout=…` gets that, less the 1 s that a request may be on its way; never more than 10 s.
  keepAliveTimeout: 4_000,
  keepAliveTimeoutThreshold: 1_000,
  keepAliveMaxTimeout: 10_000,
  allowH2: false,
}

export const makeConnection = (origin: string, deps: ConnectionDeps): Connection => {
  const { connect, clock, onClosed } = deps
  const secure = origin.startsWith('https:')
  let socket: Socket | undefined
  let openedMs = 0
  let requests = 0
  let heard = false
  let inHead = false
  let finalToCome = false

  const watch: Watch = {
    inHead: () => inHead,
    onRead: (bytes) => {
      heard = true
      if (finalToCome) finalToCome = maskContinue(bytes)
    },
  }

  const client = new Client(origin, {
    ...CLIENT_OPTIONS,
    // undici calls this again when a socket was lost while no request was on it.
    connect: ({ hostname, port }, callback) => {
      const target = { hostname, secure, port: port === '' ? (secure ? 443 : 80) : Number(port) }
      requests = 0
      const opened = connect(target, (error) => {
        openedMs = clock.elapsedMs()
        if (error === null) callback(null, watched(opened, watch))
        else callback(error, null)
      })
      socket = opened
    },
  })
  client.on('disconnect', () => onClosed(connection))

  const connection: Connection = {
    origin,
    secure,
    dispatch: (request, handler) => {
      client.dispatch({ ...request, method: 'POST' }, handler)
    },
    beginRequest: () => {
      requests += 1
      heard = false
      inHead = true
      finalToCome = true
    },
    endOfHead: () => {
      inHead = false
    },
    wasReused: () => requests > 1,
    wasHeard: () => heard,
    ageMs: () => clock.elapsedMs() - openedMs,
    isOpen: () => socket !== undefined && !socket.destroyed,
    destroy: () => {
      // The client does not know a socket that is still connecting.
      socket?.destroy()
      client.destroy().catch(() => undefined)
    },
  }
  return connection
}

type Watch = { inHead(): boolean; onRead(bytes: Buffer): void }

// undici 7 makes one error for every header beyond its limit, as long as the chunk lasts: 64 KiB of tiny headers cost
// 45 ms of CPU, in which no other attempt moves. A usual head fits into one slice.
const HEAD_SLICE_BYTES = 1_024

/** Stands between the socket and undici's parser, which takes its bytes from `read()`. */
const watched = (socket: Socket, { inHead, onRead }: Watch): Socket => {
  const read = socket.read.bind(socket)
  socket.read = (size?: number): unknown => {
    // Node gives out what it has buffered even then.
    if (socket.destroyed) return null
    const slice = inHead() && socket.readableLength > HEAD_SLICE_BYTES
    const bytes: unknown = read(slice ? HEAD_SLICE_BYTES : size)
    if (Buffer.isBuffer(bytes)) onRead(bytes)
    return bytes
  }
  return socket
}
