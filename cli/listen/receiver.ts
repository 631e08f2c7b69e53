// The local HTTP server of `webhook-broker listen`. It knows nothing of the broker: what arrives is given to `onRequest`,
// which says what to answer.

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BrokerError } from '../../lib/domain/errors.ts'
import { readRequest, type Received } from './block.ts'

export type LocalReceiver = {
  /** With the port that it got. */
  url: string
  close(): Promise<void>
}

export type ReceiverSettings = {
  host: string
  port: number
  /** @returns the status to answer */
  onRequest(received: Received): number
}

/** @throws BrokerError `conflict` when the port is taken, `invalid_request` when the host is none of this machine's */
export const startLocalReceiver = async (settings: ReceiverSettings): Promise<LocalReceiver> => {
  const server = createServer((request, response) => {
    readRequest(request).then(
      (received) => answer(settings, received, response),
      // The sender went away in the middle of its request. It will come back if it wants something.
      () => undefined,
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(settings, error)))
    server.listen(settings.port, settings.host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  return {
    url: `http://${host}:${port}`,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

const answer = (settings: ReceiverSettings, received: Received, response: ServerResponse): void => {
  response.writeHead(settings.onRequest(received)).end()
}

export const cannotListen = (
  { host, port }: { host: string; port: number },
  error: NodeJS.ErrnoException,
): BrokerError =>
  error.code === 'EADDRINUSE'
    ? new BrokerError('conflict', `port ${port} is in use; choose another one with --port`)
    : new BrokerError('invalid_request', `cannot listen on ${host}, port ${port}`, { cause: error })
