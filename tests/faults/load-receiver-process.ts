// A receiver as a process of its own, for measurements: it keeps what arrived in memory and answers as it is told. It
// writes nothing to disk: what a crash would lose is of no interest here.
//
// `POST /control` with `{path, status, hang, delayMs}` sets how a path answers (200 at once by default);
// (what hangs is then answered); `GET /control` gives all arrivals since the last `DELETE /control`.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { argv, stdout } from 'node:process'
import { fileURLToPath } from 'node:url'

export type Behaviour = { status?: number; hang?: boolean; delayMs?: number }

/** One request: its path, delivery, when it had arrived, and what was answered (0: nothing). */
export type Arrival = [path: string, deliveryId: string, atMs: number, status: number]

const readAll = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const serve = async (): Promise<void> => {
  const behaviours = new Map<string, Behaviour>()
  const held = new Map<string, ServerResponse[]>()
  let arrivals: Arrival[] = []

  const control = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method === 'GET') return response.end(JSON.stringify(arrivals))
    if (request.method === 'DELETE') arrivals = []
    else {
      const { path, ...behaviour } = JSON.parse(
        (await readAll(request)).toString(),
      ) as Behaviour & { path: string }
      behaviours.set(path, behaviour)
      if (behaviour.hang !== true) for (const one of held.get(path) ?? []) one.end()
    }
    return response.end()
  }
  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    const [path = '/'] = (request.url ?? '/').split('?')
    await readAll(request)
    const { status = 200, hang = false, delayMs = 0 } = behaviours.get(path) ?? {}
    const id = String(request.headers['webhook-delivery-id'])
    arrivals.push([path, id, Date.now(), hang ? 0 : status])
    if (hang) {
      held.set(path, [...(held.get(path) ?? []), response])
      return
    }
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
    response.writeHead(status).end()
  }
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    response.on('error', () => undefined)
    const handle = request.url === '/control' ? control : receive
    Promise.resolve(handle(request, response)).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stdout.write(`receiver ready on http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
  process.once('SIGTERM', () => process.exit(0))
}

if (argv[1] === fileURLToPath(import.meta.url)) await serve()
