// A TCP proxy between any two parts, which can be slow, silent or rude.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

export type Proxy = {
  port: number
  /** Bytes that were not passed on. */
  readonly swallowed: number
  /** Chunks that wait for the end of their latency. */
  readonly held: number
  /** Holds every chunk for so long, both ways. */
  latency(delayMs: number): void
  /** Swallows everything, both ways; connections stay, new ones are accepted and get nothing. */
  blackhole(): void
  /** Passes requests on and swallows the answers. */
  halfOpen(): void
  /** Breaks every connection; new ones are broken at once. */
  reset(): void
  /** Passes everything on again. Connections that lost bytes are broken, as a real network would in the end. */
  heal(): void
  close(): Promise<void>
}

type Mode = 'pass' | 'blackhole' | 'half-open' | 'reset'

/** @param target where connections go */
export const startProxy = async (target: { host?: string; port: number }): Promise<Proxy> => {
  let mode: Mode = 'pass'
  let delayMs = 0
  let swallowed = 0
  let held = 0
  const pairs = new Set<{ sockets: Socket[]; lost: boolean }>()

  // The end of one side is passed on after its last bytes, not by Node at once.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (mode === 'reset') {
      client.resetAndDestroy()
      return
    }
    const upstream = connect({
      port: target.port,
      host: target.host ?? '127.0.0.1',
      allowHalfOpen: true,
    })
    const pair = { sockets: [client, upstream], lost: false }
    pairs.add(pair)
    const relay = (from: Socket, to: Socket, isAnswer: boolean) => {
      // One after the other, also when the delay changes: TCP never changes the order of bytes.
      let sent = Promise.resolve()
      from.on('data', (chunk) => {
        if (mode === 'blackhole' || (mode === 'half-open' && isAnswer)) {
          pair.lost = true
          swallowed += chunk.length
          return
        }
        held += 1
        const due = delayMs === 0 ? Promise.resolve() : wait(delayMs)
        sent = sent
          .then(() => due)
          .then(() => {
            held -= 1
            if (to.writable) to.write(chunk)
          })
      })
      from.on('end', () => void sent.then(() => to.end()))
      from.on('error', () => to.destroy())
      from.on('close', () => {
        pairs.delete(pair)
        void sent.then(() => to.destroySoon())
      })
    }
    relay(client, upstream, false)
    relay(upstream, client, true)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const breakAll = (which: (pair: { lost: boolean }) => boolean) => {
    for (const pair of pairs) {
      if (which(pair)) for (const socket of pair.sockets) socket.resetAndDestroy()
    }
  }
  return {
    port: (server.address() as AddressInfo).port,
    get swallowed() {
      return swallowed
    },
    get held() {
      return held
    },
    latency: (ms) => {
      delayMs = ms
    },
    blackhole: () => {
      mode = 'blackhole'
    },
    halfOpen: () => {
      mode = 'half-open'
    },
    reset: () => {
      mode = 'reset'
      breakAll(() => true)
    },
    heal: () => {
      mode = 'pass'
      delayMs = 0
      breakAll(({ lost }) => lost)
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        breakAll(() => true)
      }),
  }
}
