// The proxy that fault tests put between two parts: what it does to a connection has to be true, or they prove nothing.

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startProxy, type Proxy } from '../support/tcp-proxy.ts'
import { waitUntil } from '../support/wait.ts'

/** Answers each chunk with the same bytes in brackets, and keeps what it got. */
let server: Server
let serverGot: string
let serverSockets: Socket[]
let proxy: Proxy

beforeEach(async () => {
  serverGot = ''
  serverSockets = []
  server = createServer((socket) => {
    serverSockets.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      serverGot += chunk.toString()
      socket.write(`[${chunk.toString()}]`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  proxy = await startProxy({ port: (server.address() as AddressInfo).port })
})
afterEach(async () => {
  await proxy.close()
  for (const socket of serverSockets) socket.destroy()
  server.close()
})

type Client = { socket: Socket; got: string; error: string | undefined; closed: boolean }

const open = async (): Promise<Client> => {
  const socket = connect(proxy.port, '127.0.0.1').setNoDelay()
  const client: Client = { socket, got: '', error: undefined, closed: false }
  socket.on('data', (chunk) => (client.got += chunk.toString()))
  socket.on('error', (error: NodeJS.ErrnoException) => (client.error = error.code))
  socket.on('close', () => (client.closed = true))
  await once(socket, 'connect')
  return client
}

const ask = async (client: Client, text: string): Promise<void> => {
  client.socket.write(text)
  await waitUntil(() => client.got.endsWith(`[${text}]`), { message: `an answer to ${text}` })
}

test('passes bytes both ways, and the end of one side to the other', async () => {
  const client = await open()
  await ask(client, 'a')
  client.socket.end()
  await waitUntil(() => client.closed)
  expect(client).toMatchObject({ got: '[a]', error: undefined })
  expect(serverSockets[0]?.readableEnded).toBe(true)
})

test('holds every chunk for the latency, both ways', async () => {
  const client = await open()
  await ask(client, 'a')
  proxy.latency(80)
  const startedMs = performance.now()
  await ask(client, 'b')
  // Timers may fire up to a millisecond early.
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(158)
})

test('keeps the order of bytes when the latency ends', async () => {
  const client = await open()
  await ask(client, 'a')
  proxy.latency(150)
  client.socket.write('b')
  await waitUntil(() => proxy.held === 1)
  proxy.heal()
  client.socket.write('c')
  await waitUntil(() => client.got.includes('c'))
  expect(client.got.replace(/[^a-c]/g, '')).toBe('abc')
})

test('a black hole keeps connections and swallows everything; healed, it breaks the ones that lost bytes', async () => {
  const loser = await open()
  const bystander = await open()
  await ask(loser, 'a')
  await ask(bystander, 'b')
  proxy.blackhole()
  loser.socket.write('lost')
  const late = await open()
  late.socket.write('lost too')

  await waitUntil(() => proxy.swallowed === 12)
  expect([loser.closed, late.closed]).toEqual([false, false])
  expect(serverGot).toBe('ab')

  proxy.heal()
  await waitUntil(() => loser.closed && late.closed)
  expect([loser.error, late.error]).toEqual(['ECONNRESET', 'ECONNRESET'])
  await ask(bystander, 'c')
  expect(bystander.closed).toBe(false)
  expect(serverGot).toBe('abc')
})

test('half open, requests arrive and answers do not', async () => {
  const client = await open()
  await ask(client, 'a')
  proxy.halfOpen()
  client.socket.write('b')
  // The answer, `[b]`, was swallowed.
  await waitUntil(() => proxy.swallowed === 3)
  expect(serverGot).toBe('ab')
  expect(client).toMatchObject({ got: '[a]', closed: false })
})

test('a reset breaks what is open and what comes; healed, it passes on again', async () => {
  const client = await open()
  await ask(client, 'a')
  proxy.reset()
  await waitUntil(() => client.closed)
  expect(client.error).toBe('ECONNRESET')
  const refused = connect(proxy.port, '127.0.0.1')
  expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNRESET' }])

  proxy.heal()
  await ask(await open(), 'b')
  expect(serverGot).toBe('ab')
})
