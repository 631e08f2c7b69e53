// Upstash's REST door in front of a real Redis: what the client sends is carried out by the server, over a raw RESP
// socket (a Redis client would reshape the replies). Only the dialect is ours.

import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

export type UpstashRest = {
  url: string
  token: string
  /** The commands of each HTTP request so far, names in upper case as they went to the server. */
  requests: string[][][]
  close(): Promise<void>
}

type Reply = string | number | null | Error | Reply[] | Status
type Status = { status: string }

export const startUpstashRest = async (redisPort: number): Promise<UpstashRest> => {
  const token = 'rest-token'
  const requests: string[][][] = []
  const redis = connectRaw(redisPort)
  const server = createServer((request, response) => {
    void readBody(request).then(async (body) => {
      const answer = (status: number, value: unknown) =>
        response
          .writeHead(status, { 'content-type': 'application/json' })
          .end(JSON.stringify(value))
      if (request.headers.authorization !== `Bearer ${token}`) {
        answer(401, { error: 'WRONGPASS invalid or missing auth token' })
        return
      }
      const isBatch = request.url === '/pipeline' || request.url === '/multi-exec'
      const commands = (isBatch ? JSON.parse(body) : [JSON.parse(body)]) as (string | number)[][]
      requests.push(commands.map((command) => command.map(String)))
      const replies = await Promise.all(commands.map((command) => redis.send(command.map(String))))
      const encode = request.headers['upstash-encoding'] === 'base64'
      const results = replies.map((reply) => toJson(reply, encode))
      answer(
        !isBatch && results[0]?.error !== undefined ? 400 : 200,
        isBatch ? results : results[0],
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    requests,
    close: async () => {
      redis.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

const toJson = (reply: Reply, encode: boolean): { result?: unknown; error?: string } =>
  reply instanceof Error ? { error: reply.message } : { result: value(reply, encode) }

const value = (reply: Reply, encode: boolean): unknown => {
  if (Array.isArray(reply)) return reply.map((item) => value(item, encode))
  if (typeof reply === 'string') return encode ? Buffer.from(reply).toString('base64') : reply
  // A status stays as it is, whatever encoding was asked for.
  if (reply !== null && typeof reply === 'object' && 'status' in reply) return reply.status
  return reply
}

const connectRaw = (port: number) => {
  const socket: Socket = connect({ port, host: '127.0.0.1' })
  const waiting: ((reply: Reply) => void)[] = []
  let received = Buffer.alloc(0)
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    for (let parsed = parse(received, 0); parsed !== undefined; parsed = parse(received, 0)) {
      received = received.subarray(parsed.end)
      waiting.shift()?.(parsed.reply)
    }
  })
  return {
    send: (command: readonly string[]): Promise<Reply> => {
      const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`)
      socket.write(`*${command.length}\r\n${parts.join('')}`)
      return new Promise((resolve) => waiting.push(resolve))
    },
    close: () => socket.destroy(),
  }
}

/** One RESP2 reply, or undefined when it has not arrived in full. */
const parse = (data: Buffer, at: number): { reply: Reply; end: number } | undefined => {
  const lineEnd = data.indexOf('\r\n', at)
  if (lineEnd === -1) return undefined
  const line = data.toString('utf8', at + 1, lineEnd)
  const end = lineEnd + 2
  switch (data.toString('latin1', at, at + 1)) {
    case '+':
      return { reply: { status: line }, end }
    case '-':
      return { reply: new Error(line), end }
    case ':':
      return { reply: Number(line), end }
    case '$':
      return parseBulk(data, Number(line), end)
    default:
      return parseList(data, Number(line), end)
  }
}

const parseBulk = (data: Buffer, size: number, start: number) => {
  if (size === -1) return { reply: null, end: start }
  if (data.length < start + size + 2) return undefined
  return { reply: data.toString('utf8', start, start + size), end: start + size + 2 }
}

const parseList = (data: Buffer, count: number, start: number) => {
  if (count === -1) return { reply: null, end: start }
  const reply: Reply[] = []
  let end = start
  for (let n = 0; n < count; n += 1) {
    const item = parse(data, end)
    if (item === undefined) return undefined
    reply.push(item.reply)
    end = item.end
  }
  return { reply, end }
}
