// A gate before a real Redis that keeps answers back until so many jobs have been asked for: only a client that asks for
// all of them in one round trip gets through it.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export type RedisGate = {
  port: number
  /** From now on a connection that adds a job gets no answer until all connections together have asked for `jobs`. */
  holdUntil(jobs: number): void
  /** Jobs asked for since `holdUntil`. */
  readonly jobs: number
  close(): void
}

// How a job is added: by the name of the script, or by its text the first time. A trigger runs no other script.
const COMMAND = /\r\neval(?:sha)?\r\n/gi
const LONGEST_SPLIT = '\r\nevalsha\r'.length

export const startRedisGate = async (target: number): Promise<RedisGate> => {
  const sockets = new Set<Socket>()
  const held = new Set<Socket>()
  let expected = 0
  let jobs = 0

  const count = (upstream: Socket, found: number) => {
    if (found === 0) return
    jobs += found
    if (jobs < expected) {
      held.add(upstream)
      upstream.pause()
      return
    }
    for (const socket of held) socket.resume()
    held.clear()
  }
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    let tail = ''
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => undefined)
      from.on('close', () => to.destroy())
    }
    client.on('data', (chunk) => {
      // A command may be split between two chunks: what could be its beginning is looked at again.
      const text = tail + chunk.toString('latin1')
      count(upstream, text.match(COMMAND)?.length ?? 0)
      tail = text.slice(-LONGEST_SPLIT)
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => client.write(chunk))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    holdUntil: (wanted) => {
      expected = wanted
      jobs = 0
    },
    get jobs() {
      return jobs
    },
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
