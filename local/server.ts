// The HTTP server of a laptop or a container.

import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { BrokerError } from '../lib/domain/errors.ts'
import type { App } from '../lib/http/env.ts'

export type ApiServer = {
  url: string
  /** Takes no new connection, answers what was asked, closes. */
  close(timeoutMs: number): Promise<void>
}

/**
 * How long a connection is kept for the next request. Node's 5 s are shorter than what clients and load balancers keep
 * theirs for (60 s at AWS): they send on a connection that is being closed, and get no answer to a trigger that was, or
 * was not, accepted. Measured: 14 of 50 requests of a client that had stood still for 6 s.
 */
const KEEP_ALIVE_MS = 75_000

/** @throws BrokerError `conflict` when the port is taken */
export const listen = (
  app: App,
  { host, port }: { host: string; port: number },
): Promise<ApiServer> =>
  new Promise((resolve, reject) => {
    const server = serve(
      {
        fetch: app.fetch,
        hostname: host,
        port,
        serverOptions: { keepAliveTimeout: KEEP_ALIVE_MS },
      },
      (address: AddressInfo) => {
        resolve({
          url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
          close: (timeoutMs) => close(server, timeoutMs),
        })
      },
    ) as Server
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new BrokerError(
              'conflict',
              `port ${port} of ${host} is in use; set PORT to another one`,
            )
          : error,
      )
    })
  })

const close = (server: Server, timeoutMs: number): Promise<void> =>
  new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), timeoutMs)
    server.close(() => {
      clearTimeout(force)
      resolve()
    })
    server.closeIdleConnections()
  })
