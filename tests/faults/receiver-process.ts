// A receiver as a process of its own, for the fault tests: it writes what it got to a file, with fsync, before it
// answers, so that what a receiver saw can be known whatever dies. Imported, it is only the shape of a line.
//
// Behaviour by query: `delayMs` before the answer (only of the first `slowTimes` requests of a delivery), `failTimes`
// failures of a delivery before it succeeds (with `failStatus`), `status` for all, `failPercent` of all requests.

import { createHash } from 'node:crypto'
import { closeSync, fsync, openSync, writeSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { argv, stdout } from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Webhook } from 'standardwebhooks'

/** What every webhook of the fault tests is registered with. */
export const SECRET = `whsec_${Buffer.alloc(24, 5).toString('base64')}`

/** One request, as the receiver saw it. */
export type Line = {
  webhookId: string
  deliveryId: string
  attempt: number
  /** SHA-256 of the body's bytes, hex. */
  bodyHash: string
  signatureOk: boolean
  /** The status that it answers. */
  status: number
  path: string
  /** When the body had arrived in full. */
  atMs: number
}

const flushToDisk = promisify(fsync)

/** Appends lines; each is on disk when its promise resolves. Lines that come meanwhile share the next fsync. */
const makeJournal = (file: string) => {
  const handle = openSync(file, 'a')
  let waiting: { text: string; done: () => void }[] = []
  let flushing = false
  const flush = async () => {
    flushing = true
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      writeSync(handle, batch.map(({ text }) => text).join(''))
      await flushToDisk(handle)
      for (const { done } of batch) done()
    }
    flushing = false
  }
  return {
    append: (line: Line) =>
      new Promise<void>((done) => {
        waiting.push({ text: `${JSON.stringify(line)}\n`, done })
        if (!flushing) void flush()
      }),
    close: () => closeSync(handle),
  }
}

const readAll = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const headersOf = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))

const verifies = (body: Buffer, headers: Record<string, string>): boolean => {
  try {
    new Webhook(SECRET).verify(body, headers)
    return true
  } catch {
    return false
  }
}

const wait = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs))

const serve = async (file: string, port: number): Promise<void> => {
  const journal = makeJournal(file)
  const requestsOf = new Map<string, number>()

  const behave = (url: URL, deliveryId: string): { status: number; delayMs: number } => {
    const number = (key: string, byDefault: number) =>
      Number(url.searchParams.get(key) ?? byDefault)
    const seen = (requestsOf.get(deliveryId) ?? 0) + 1
    requestsOf.set(deliveryId, seen)
    const fails = seen <= number('failTimes', 0) || Math.random() * 100 < number('failPercent', 0)
    return {
      status: fails ? number('failStatus', 503) : number('status', 200),
      delayMs: seen <= number('slowTimes', Infinity) ? number('delayMs', 0) : 0,
    }
  }
  const onRequest = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await readAll(request)
    const headers = headersOf(request)
    const url = new URL(request.url ?? '/', 'http://receiver')
    const deliveryId = headers['webhook-delivery-id'] ?? ''
    const { status, delayMs } = behave(url, deliveryId)
    await journal.append({
      webhookId: headers['webhook-id'] ?? '',
      deliveryId,
      attempt: Number(headers['webhook-attempt']),
      bodyHash: createHash('sha256').update(body).digest('hex'),
      signatureOk: verifies(body, headers),
      status,
      path: url.pathname,
      atMs: Date.now(),
    })
    await wait(delayMs)
    response.writeHead(status).end()
  }
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    response.on('error', () => undefined)
    // A request that its sender broke off never arrived in full: it is nobody's delivery.
    onRequest(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  stdout.write(`receiver ready on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
  process.once('SIGTERM', () => {
    server.closeAllConnections()
    server.close(() => {
      journal.close()
      process.exit(0)
    })
  })
}

if (argv[1] === fileURLToPath(import.meta.url)) await serve(argv[2] ?? '', Number(argv[3] ?? 0))
