// A TCP server that answers with bytes of the test's choice: for answers that no HTTP server would give.

import { createServer, type AddressInfo, type Socket } from 'node:net'

export type RawReceiver = {
  url: string
  port: number
  /** Requests of which the head and the announced body have arrived, as latin1 text. */
  requests: string[]
  readonly connections: number
  readonly openConnections: number
  close(): Promise<void>
}

/** @param onRequest called for each complete request; nothing is answered unless it writes */
export const startRawReceiver = async (
  onRequest: (socket: Socket, count: number) => void,
  onConnection: (socket: Socket) => void = () => undefined,
): Promise<RawReceiver> => {
  const open = new Set<Socket>()
  let connections = 0
  const requests: string[] = []
  const server = createServer((socket) => {
    connections += 1
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      for (let size = completeSize(text); size !== undefined; size = completeSize(text)) {
        requests.push(text.slice(0, size))
        text = text.slice(size)
        onRequest(socket, requests.length)
      }
    })
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    get connections() {
      return connections
    },
    get openConnections() {
      return open.size
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        for (const socket of open) socket.destroy()
      }),
  }
}

const completeSize = (text: string): number | undefined => {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const announced = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end + 2))
  const size = end + 4 + Number(announced?.[1] ?? 0)
  return text.length >= size ? size : undefined
}
