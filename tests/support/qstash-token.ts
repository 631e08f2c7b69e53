// The signature that QStash puts on what it calls: a JWT over the body's hash and the address, HS256, five minutes valid.

import { createHash, createHmac, randomUUID } from 'node:crypto'

export type TokenOptions = {
  key: string
  url: string
  body: string | Buffer
  /** Seconds from now, negative for the past. */
  expiresInS?: number
  notBeforeInS?: number
  /** On top of the claims, or instead of them. */
  claims?: Record<string, unknown>
  alg?: string
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

export const signToken = (options: TokenOptions): string => {
  const { key, url, body, expiresInS = 300, notBeforeInS = 0, claims = {}, alg = 'HS256' } = options
  const nowS = Math.floor(Date.now() / 1_000)
  const payload = {
    iss: 'Upstash',
    sub: url,
    iat: nowS + Math.min(0, notBeforeInS),
    nbf: nowS + notBeforeInS,
    exp: nowS + expiresInS,
    jti: `jwt_${randomUUID()}`,
    body: createHash('sha256').update(body).digest('base64url'),
    ...claims,
  }
  const signed = `${encoded({ alg, typ: 'JWT' })}.${encoded(payload)}`
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}
