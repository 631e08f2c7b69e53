// A QStash of our own over real HTTP, with real signatures: publish and batch, delays, as many calls at once as a message
// allows, a memory for deduplication ids that never forgets, retries of whatever is not answered 2xx, dead letters. It also plays
// QStash's worst days.

import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { waitUntil } from './wait.ts'
import { fromBatch, type BatchEntry, type QstashMessage } from './qstash-message.ts'
import { signToken } from './qstash-token.ts'

/** One call of a message's address, as it ended. */
export type QstashCall = {
  message: QstashMessage
  /** 0 for the first. */
  retried: number
  signature: Signature
  /** Undefined: no answer came. */
  status: number | undefined
  atMs: number
}

/** How a call is signed. `next`: with the key that the broker knows as the next one. */
export type Signature = 'current' | 'next' | 'wrong' | 'expired' | 'missing'

/** What may go wrong with a message; asked once for each, or once for each call of it. */
export type QstashFaults = {
  /** Taken, remembered, and never called. */
  drops(message: QstashMessage): boolean
  /** How many calls beyond the one that is due. */
  duplicates(message: QstashMessage): number
  /** Added to the delay, so that messages overtake each other. */
  lateMs(message: QstashMessage): number
  signature(message: QstashMessage, retried: number): Signature
}

export type FakeQstash = {
  url: string
  token: string
  currentSigningKey: string
  nextSigningKey: string
  faults: QstashFaults
  /** False: every request is answered 500. */
  up: boolean
  /** Requests that published something, whatever their number of messages. */
  requests: number
  /** Messages that were new, in order. */
  taken: QstashMessage[]
  /** Messages whose deduplication id was known: answered like others, and never called. */
  swallowed: QstashMessage[]
  calls: QstashCall[]
  /** Messages that ran out of retries, or were refused for good. */
  dead: QstashMessage[]
  /** Resolves when nothing is on the wire, delayed or to be retried. */
  idle(timeoutMs?: number): Promise<void>
  close(): Promise<void>
}

const NO_FAULTS: QstashFaults = {
  drops: () => false,
  duplicates: () => 0,
  lateMs: () => 0,
  signature: () => 'current',
}

export type FakeQstashOptions = {
  port?: number
  /** Between the calls of one message; minutes and hours in reality. */
  retryDelayMs?: number
  faults?: Partial<QstashFaults>
}

export const startFakeQstash = async (options: FakeQstashOptions = {}): Promise<FakeQstash> => {
  const { retryDelayMs = 100, port = 0 } = options
  const known = new Set<string>()
  const timers = new Set<NodeJS.Timeout>()
  const slots = makeSlots()
  // Those that wait for a slot, too.
  let onTheWire = 0

  const later = (delayMs: number, run: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      run()
    }, delayMs)
    timers.add(timer)
  }
  const call = async (message: QstashMessage, retried: number) => {
    const signature = fake.faults.signature(message, retried)
    onTheWire += 1
    const leave = await slots.enter(message)
    const answer = await send(message, retried, tokenFor(fake, message, signature))
    leave()
    onTheWire -= 1
    fake.calls.push({ message, retried, signature, status: answer?.status, atMs: Date.now() })
    if (answer?.ok === true) return
    const forGood =
      answer?.status === 489 && answer.headers.get('upstash-nonretryable-error') === 'true'
    if (forGood || retried >= message.retries) fake.dead.push(message)
    else later(retryDelayMs, () => void call(message, retried + 1))
  }
  const take = (message: QstashMessage): Record<string, unknown> => {
    const { messageId, url, deduplicationId } = message
    if (deduplicationId !== undefined && known.has(deduplicationId)) {
      fake.swallowed.push(message)
      return { messageId, url, deduplicated: true }
    }
    if (deduplicationId !== undefined) known.add(deduplicationId)
    fake.taken.push(message)
    if (fake.faults.drops(message)) return { messageId, url }
    for (let copy = fake.faults.duplicates(message); copy >= 0; copy -= 1) {
      later(message.delayMs + fake.faults.lateMs(message), () => void call(message, 0))
    }
    return { messageId, url }
  }

  const server = createServer((request, response) => {
    void respond(reply(fake, take, request), response)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const fake: FakeQstash = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: `token-${randomUUID()}`,
    currentSigningKey: `sig_${randomUUID()}`,
    nextSigningKey: `sig_${randomUUID()}`,
    faults: { ...NO_FAULTS, ...options.faults },
    up: true,
    requests: 0,
    taken: [],
    swallowed: [],
    calls: [],
    dead: [],
    idle: async (timeoutMs = 20_000) => {
      await waitUntil(() => timers.size === 0 && onTheWire === 0, {
        timeoutMs,
        message: 'QStash to have nothing left to do',
      })
    },
    close: () => {
      for (const timer of timers) clearTimeout(timer)
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
  return fake
}

/** Flow control: of the messages with one key only so many are under way. */
const makeSlots = () => {
  const flows = new Map<string, { busy: number; waiting: (() => void)[] }>()
  const enter = async ({ headers }: QstashMessage): Promise<() => void> => {
    const key = headers['upstash-flow-control-key'] ?? ''
    const [, most = ''] =
      /parallelism=(\d+)/.exec(headers['upstash-flow-control-value'] ?? '') ?? []
    if (most === '') return () => undefined
    const flow = flows.get(key) ?? { busy: 0, waiting: [] }
    flows.set(key, flow)
    if (flow.busy >= Number(most)) await new Promise<void>((go) => flow.waiting.push(go))
    else flow.busy += 1
    return () => {
      // Handed on, or given back.
      const next = flow.waiting.shift()
      if (next === undefined) flow.busy -= 1
      else next()
    }
  }
  return { enter }
}

type Take = (message: QstashMessage) => Record<string, unknown>

const respond = async (answered: Promise<Reply>, response: ServerResponse): Promise<void> => {
  const { status, value } = await answered
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

type Reply = { status: number; value: unknown }

const reply = async (fake: FakeQstash, take: Take, request: IncomingMessage): Promise<Reply> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks).toString('utf8')
  if (!fake.up) return { status: 500, value: { error: 'out of order' } }
  if (request.headers.authorization !== `Bearer ${fake.token}`) {
    return { status: 401, value: { error: 'unauthorized' } }
  }
  fake.requests += 1
  const path = request.url ?? ''
  if (path === '/v2/batch') {
    const entries = JSON.parse(body) as BatchEntry[]
    return { status: 200, value: entries.map(fromBatch).map(take) }
  }
  const destination = path.startsWith('/v2/publish/') ? path.slice('/v2/publish/'.length) : ''
  if (destination === '') return { status: 404, value: { error: 'not found' } }
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  )
  return { status: 201, value: take(fromBatch({ destination, headers, body })) }
}

const send = async (
  message: QstashMessage,
  retried: number,
  token: string | undefined,
): Promise<Response | undefined> => {
  try {
    const response = await fetch(message.url, {
      method: 'POST',
      headers: {
        'content-type': message.headers['content-type'] ?? 'text/plain',
        'user-agent': 'Upstash-QStash',
        'upstash-message-id': message.messageId,
        'upstash-retried': String(retried),
        ...(token === undefined ? {} : { 'upstash-signature': token }),
      },
      body: message.body,
    })
    await response.arrayBuffer()
    return response
  } catch {
    return undefined
  }
}

const tokenFor = (
  { currentSigningKey, nextSigningKey }: FakeQstash,
  { url, body }: QstashMessage,
  signature: Signature,
): string | undefined => {
  switch (signature) {
    case 'current':
      return signToken({ key: currentSigningKey, url, body })
    case 'next':
      return signToken({ key: nextSigningKey, url, body })
    case 'wrong':
      return signToken({ key: 'sig_somebody-else', url, body })
    case 'expired':
      return signToken({ key: currentSigningKey, url, body, expiresInS: -60, notBeforeInS: -360 })
    case 'missing':
      return undefined
  }
}
