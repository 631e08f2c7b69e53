// A receiver with Express. `express.raw` keeps the bytes as they came; `express.json()` before it would lose them.

import express, { type Express } from 'express'
import { verify, type Facts } from 'webhook-broker/verify'

// More than the largest payload that the broker takes (256 KiB unless configured otherwise); Express's own is 100 kB.
const MAX_BODY = '1mb'

/** @param handle what to do with an event; it may come twice, so let it drop a `messageId` that it has seen */
export const makeReceiver = (
  secret: string | readonly string[],
  handle: (event: Facts) => Promise<void>,
): Express => {
  const app = express()
  app.post(
    '/hook',
    express.raw({ type: () => true, limit: MAX_BODY }),
    async (request, response) => {
      const body: unknown = request.body
      const result = verify({
        secret,
        headers: request.headers,
        body: Buffer.isBuffer(body) ? body : '',
      })
      if (!result.ok) {
        response.status(401).end()
        return
      }
      // What it throws becomes a 500 (Express 5), and the broker sends the event again.
      await handle(result)
      response.status(204).end()
    },
  )
  return app
}
