// Standard Webhooks v1 signatures over the stored bytes, never over a serialised copy of them (O-BODY-2).

import { createHmac } from 'node:crypto'

const PREFIX = 'whsec_'
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export const SECRET_RULE = 'a secret is whsec_ followed by the base64 of 24 to 64 bytes'

/** How long the secret before a rotation keeps signing beside the new one. */
export const ROTATION_OVERLAP_MS = 24 * 3_600_000

/** @param random 24 to 64 random bytes */
export const makeSecret = (random: Uint8Array): string =>
  PREFIX + Buffer.from(random).toString('base64')

/** Whether a text is a signing secret of Standard Webhooks (24 to 64 bytes, padded base64). */
export const isSecret = (text: string): boolean => {
  if (!text.startsWith(PREFIX)) return false
  const encoded = text.slice(PREFIX.length)
  if (!BASE64.test(encoded)) return false
  const size = Buffer.from(encoded, 'base64').byteLength
  return size >= 24 && size <= 64
}

export type SignInput = {
  messageId: string
  /** Seconds since 1970, of this attempt. */
  timestamp: number
  payload: Uint8Array
  /** Newest first; each signs. */
  secrets: readonly string[]
}

/** @returns the value of `webhook-signature`: one `v1,<base64>` for each secret, separated by blanks */
export const sign = (input: SignInput): string =>
  input.secrets
    .map((secret) => {
      const key = Buffer.from(secret.slice(PREFIX.length), 'base64')
      const mac = createHmac('sha256', key)
      mac.update(`${input.messageId}.${input.timestamp}.`)
      mac.update(input.payload)
      return `v1,${mac.digest('base64')}`
    })
    .join(' ')
