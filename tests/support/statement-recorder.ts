// Stands before Postgres and reads what clients send: which statements, whether they are named, how many connections
// are open at once. Passes every byte on as it is.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export type Statement = {
  text: string
  /** Empty for an unnamed one. */
  name: string
  /** Counts connections from 1. */
  connection: number
}

export type StatementRecorder = {
  port: number
  statements: Statement[]
  /** The most connections of one application name that were open at once, by name. */
  peaks: Map<string, number>
  close(): Promise<void>
}

const PROTOCOL_3 = 196_608
const QUERY = 'Q'
const PARSE = 'P'

export const recordStatements = async (targetPort: number): Promise<StatementRecorder> => {
  const statements: Statement[] = []
  const peaks = new Map<string, number>()
  const open = new Map<string, number>()
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((client) => {
    connections += 1
    const connection = connections
    const upstream = connect(targetPort, '127.0.0.1')
    const read = readMessages({
      onStart: (application) => {
        const now = (open.get(application) ?? 0) + 1
        open.set(application, now)
        peaks.set(application, Math.max(now, peaks.get(application) ?? 0))
        client.once('close', () => open.set(application, (open.get(application) ?? 1) - 1))
      },
      onStatement: (name, text) => statements.push({ name, text, connection }),
    })
    client.on('data', read)
    client.pipe(upstream).pipe(client)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    statements,
    peaks,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

type Reader = {
  onStart(application: string): void
  onStatement(name: string, text: string): void
}

/** The first message has no type; every other one is a type, a length that counts itself, and a body. */
const readMessages = ({ onStart, onStatement }: Reader) => {
  let rest = Buffer.alloc(0)
  let started = false
  return (chunk: Buffer): void => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const head = started ? 1 : 0
      if (rest.length < head + 4) return
      const end = head + rest.readUInt32BE(head)
      if (rest.length < end) return
      const type = started ? rest.toString('latin1', 0, 1) : ''
      const body = rest.subarray(head + 4, end)
      rest = rest.subarray(end)
      if (!started) {
        started = body.readUInt32BE(0) === PROTOCOL_3
        const [, application = ''] = /application_name\0([^\0]*)\0/.exec(body.toString()) ?? []
        if (started) onStart(application)
      } else if (type === QUERY) onStatement('', textAt(body, 0).text)
      else if (type === PARSE) {
        const name = textAt(body, 0)
        onStatement(name.text, textAt(body, name.end).text)
      }
    }
  }
}

const textAt = (body: Buffer, start: number): { text: string; end: number } => {
  const zero = body.indexOf(0, start)
  return { text: body.toString('utf8', start, zero), end: zero + 1 }
}
