// A TCP proxy between any two parts, which can be slow, silent or rude.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export type Proxy = {
  port: number
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
  const pairs = new Set<{ sockets: Socket[]; lost: boolean }>()

  const server = createServer((client) => {
    if (mode === 'reset') {
      client.resetAndDestroy()
      return
    }
    const upstream = connect(target.port, target.host ?? '127.0.0.1')
    const pair = { sockets: [client, upstream], lost: false }
    pairs.add(pair)
    const relay = (from: Socket, to: Socket, isAnswer: boolean) => {
      from.on('data', (chunk) => {
        if (mode === 'blackhole' || (mode === 'half-open' && isAnswer)) {
          pair.lost = true
          return
        }
        if (delayMs === 0) to.write(chunk)
        else setTimeout(() => to.writable && to.write(chunk), delayMs)
      })
      from.on('error', () => to.destroy())
      from.on('close', () => {
        pairs.delete(pair)
        to.destroy()
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
