// The receiver: reads a request, notes when it came and whose it is, and answers 204 at once over a connection that stays.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { offer } from './answering.ts'
import { nowMs } from './clock.ts'

export type Arrivals = {
  messageIds: string[]
  atMs: Float64Array
  /** Requests beyond the first one of a delivery. */
  copies: number
}

let wanted = Infinity
let arrived: () => void = () => undefined
let seen = new Set<string>()
let copies = 0
let messageIds: string[] = []
let atMs: number[] = []

const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  const { headers } = request
  request.resume()
  request.once('end', () => {
    response.sendDate = false
    response.writeHead(204).end()
    const deliveryId = headers['webhook-delivery-id']
    if (typeof deliveryId !== 'string') return
    if (seen.has(deliveryId)) {
      copies += 1
      return
    }
    seen.add(deliveryId)
    messageIds.push(String(headers['webhook-id']))
    if (atMs.push(nowMs()) >= wanted) arrived()
  })
})
server.maxRequestsPerSocket = 0

let whenArrived = Promise.resolve()

offer({
  /** Forgets what came, and begins to wait for so many deliveries. */
  expect: (count: number) => {
    ;[seen, messageIds, atMs, copies, wanted] = [new Set<string>(), [], [], 0, count]
    whenArrived = new Promise((resolve) => (arrived = resolve))
  },
  /** Answers when they have come. */
  whenArrived: async (): Promise<Arrivals> => {
    await whenArrived
    return { messageIds, atMs: Float64Array.from(atMs), copies }
  },
  count: () => atMs.length,
})

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`ready on http://127.0.0.1:${port}\n`)
})
process.once('SIGTERM', () => process.exit(0))
