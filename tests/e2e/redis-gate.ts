// A gate before a real Redis that counts the scripts by which clients add jobs, up to 250 in each. It can keep answers back
// until so many have been sent, so that only a client that sends all in one round trip gets through; or stop in the middle of
// such a pipeline, so that something can happen to Redis just there.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export type RedisGate = {
  port: number
  /** From now on a connection that adds jobs gets no answer until all connections together have sent so many scripts. */
  holdUntil(scripts: number): void
  /** Passes on the next so many scripts, waits for `run`, and passes on the rest. Once. */
  interruptAfter(scripts: number, run: () => Promise<void>): void
  /** Scripts sent since `holdUntil` or `interruptAfter`. */
  readonly scripts: number
  close(): void
}

// How jobs are added: by the name of the script, or by its text the first time. A trigger runs no other script.
const COMMAND = /\*\d+\r\n\$\d\r\neval(?:sha)?\r\n/gi
// Longer than any command's beginning, which may be split between two chunks.
const TAIL = 32

type Interruption = { after: number; run: () => Promise<void> }

export const startRedisGate = async (target: number): Promise<RedisGate> => {
  const sockets = new Set<Socket>()
  const held = new Set<Socket>()
  let expected = 0
  let scripts = 0
  let interruption: Interruption | undefined

  const count = (upstream: Socket, found: number) => {
    if (found === 0) return
    scripts += found
    if (scripts < expected) {
      held.add(upstream)
      upstream.pause()
      return
    }
    for (const socket of held) socket.resume()
    held.clear()
  }
  /** Where in a chunk the first script stands that is not to be passed on yet. */
  const cut = (text: string): number | undefined => {
    if (interruption === undefined) return undefined
    const starts = [...text.matchAll(COMMAND)].map(({ index }) => index)
    return starts[interruption.after - scripts]
  }
  const interrupt = async ({ run }: Interruption, client: Socket, rest: () => void) => {
    interruption = undefined
    client.pause()
    await run()
    rest()
    client.resume()
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
      const at = cut(chunk.toString('latin1'))
      const text = tail + chunk.toString('latin1')
      const matches = [...text.matchAll(COMMAND)]
      const last = matches.at(-1)
      tail = text.slice(
        Math.max(text.length - TAIL, last === undefined ? 0 : last.index + last[0].length),
      )
      count(upstream, matches.length)
      upstream.write(at === undefined ? chunk : chunk.subarray(0, at))
      if (at !== undefined && interruption !== undefined) {
        void interrupt(interruption, client, () => upstream.write(chunk.subarray(at)))
      }
    })
    upstream.on('data', (chunk) => client.write(chunk))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    holdUntil: (wanted) => {
      expected = wanted
      scripts = 0
    },
    interruptAfter: (after, run) => {
      interruption = { after, run }
      scripts = 0
    },
    get scripts() {
      return scripts
    },
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
