// The entrance for QStash, POST /internal/qstash. No API key opens it: its rule is the signature, which is checked before
// anything else and over the bytes as they came. It is no part of the public API.

import * as z from 'zod'
import type { AttemptMessage } from '../../broker/attempt-message.ts'
import type { Ready } from '../../broker/ports.ts'
import { BrokerError } from '../../domain/errors.ts'
import { isId } from '../../domain/ids.ts'
import { QSTASH_PATH } from '../../domain/qstash-path.ts'
import { readBody } from '../body.ts'
import type { App } from '../env.ts'

export type QstashEntrance = {
  verify(body: Uint8Array, signature: string | undefined): Promise<boolean>
  attempt: AttemptMessage
}

// Ids of a delivery: a few hundred bytes, whatever we may add to them.
const MAX_BODY_BYTES = 4_096
// Told this way, QStash does not send a message again (its documentation, "Retry").
const NON_RETRYABLE = 489

// What the column of it holds.
const MAX_GENERATION = 2_147_483_647

const message = z.object({
  deliveryId: z.string().refine((id) => isId('dlv', id)),
  generation: z.int().min(0).max(MAX_GENERATION),
})

/**
 * 200: seen to, whatever the receiver said. 401: not signed by QStash. 489: signed, and no message of ours. 503: the log
 * is away, so QStash is to call again.
 */
export const mountQstash = (app: App, { verify, attempt }: QstashEntrance): void => {
  app.post(QSTASH_PATH, async (c) => {
    const signature = c.req.header('upstash-signature')
    const body = signature === undefined ? NOTHING : await readBody(c.req.raw, MAX_BODY_BYTES)
    if (!(await verify(body, signature))) {
      throw new BrokerError('unauthorized', 'this is not signed by QStash')
    }
    const parsed = parse(body)
    if (parsed === undefined) return refuseForGood(c.get('requestId'))
    await attempt(parsed)
    return c.body(null, 200)
  })
}

const NOTHING = new Uint8Array()

const parse = (body: Uint8Array): Ready | undefined => {
  try {
    return message.safeParse(JSON.parse(Buffer.from(body).toString('utf8'))).data
  } catch {
    return undefined
  }
}

/** It would not become a message of ours by being sent again; so it shows in QStash's dead letters at once. */
const refuseForGood = (requestId: string): Response =>
  new Response('not a message of this broker', {
    status: NON_RETRYABLE,
    headers: { 'upstash-nonretryable-error': 'true', 'x-request-id': requestId },
  })
