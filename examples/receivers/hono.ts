// A receiver with Hono: Node, Bun, Deno, and every platform that knows Request and Response and node:crypto.

import { Hono } from 'hono'
import { verify, type Facts } from 'webhook-broker/verify'

/** @param handle what to do with an event; it may come twice, so let it drop a `messageId` that it has seen */
export const makeReceiver = (
  secret: string | readonly string[],
  handle: (event: Facts) => Promise<void>,
): Hono => {
  const app = new Hono()
  app.post('/hook', async (c) => {
    // Not c.req.json(): the signature is over the bytes.
    const body = new Uint8Array(await c.req.arrayBuffer())
    const result = verify({ secret, headers: c.req.raw.headers, body })
    if (!result.ok) return c.body(null, 401)
    await handle(result)
    return c.body(null, 204)
  })
  return app
}
