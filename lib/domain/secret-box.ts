// Signing secrets at rest: AES-256-GCM under BROKER_SECRET_KEY, bound to the webhook they belong to, with the id of
// the key in front so that a key can be rotated. Opened only where an attempt is signed.

import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { BrokerError } from './errors.ts'

const PLAIN = 'plain:'
const SEALED = 'v1:'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Keys by age: the first seals, all of them open. Empty: secrets are stored as they are. */
export type SecretKeys = readonly Uint8Array[]

export type SecretBox = {
  /** @param nonce 12 fresh random bytes */
  seal(secret: string, webhookId: string, nonce: Uint8Array): string
  /** Remembers what it opened last: opening takes as long as signing, and a webhook's secret is asked for with each attempt.
   *  @throws BrokerError `internal_error` when no configured key opens it */
  open(sealed: string, webhookId: string): string
}

export const SECRET_NONCE_BYTES = NONCE_BYTES

// More webhooks than a process delivers to in a while; about 200 KB.
const MAX_REMEMBERED = 1_000

const keyId = (key: Uint8Array): string =>
  createHash('sha256').update(key).digest('hex').slice(0, 8)

/** Builds the box from the configured keys (32 bytes each). */
export const makeSecretBox = (keys: SecretKeys): SecretBox => {
  const byId = new Map(keys.map((key) => [keyId(key), key]))
  const newest = keys[0]
  // Both are in the key, so what one webhook may open stays closed to another.
  const opened = new Map<string, string>()
  const openSealed = (sealed: string, webhookId: string): string => {
    const [, id = '', encoded = ''] = sealed.split(':')
    const key = byId.get(id)
    if (key === undefined) throw unopenable(id)
    try {
      return decrypt(Buffer.from(encoded, 'base64'), key, webhookId)
    } catch (cause) {
      throw unopenable(id, cause)
    }
  }
  return {
    seal: (secret, webhookId, nonce) => {
      if (newest === undefined) return PLAIN + secret
      const cipher = createCipheriv('aes-256-gcm', newest, nonce)
      cipher.setAAD(Buffer.from(webhookId))
      const body = Buffer.concat([
        nonce,
        cipher.update(secret, 'utf8'),
        cipher.final(),
        cipher.getAuthTag(),
      ])
      return `${SEALED}${keyId(newest)}:${body.toString('base64')}`
    },
    open: (sealed, webhookId) => {
      if (sealed.startsWith(PLAIN)) return sealed.slice(PLAIN.length)
      const remembered = `${webhookId} ${sealed}`
      const known = opened.get(remembered)
      if (known !== undefined) return known
      const secret = openSealed(sealed, webhookId)
      if (opened.size >= MAX_REMEMBERED) opened.clear()
      opened.set(remembered, secret)
      return secret
    },
  }
}

const decrypt = (body: Buffer, key: Uint8Array, webhookId: string): string => {
  const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, NONCE_BYTES))
  decipher.setAAD(Buffer.from(webhookId))
  decipher.setAuthTag(body.subarray(-TAG_BYTES))
  const text = decipher.update(body.subarray(NONCE_BYTES, -TAG_BYTES))
  return Buffer.concat([text, decipher.final()]).toString('utf8')
}

const unopenable = (id: string, cause?: unknown): BrokerError =>
  new BrokerError(
    'internal_error',
    `a signing secret was sealed with key ${id}, which BROKER_SECRET_KEY does not hold or which does not fit`,
    { cause },
  )
