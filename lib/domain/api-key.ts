// API keys: who is asking and what they may do. Keys are kept as SHA-256 only and compared in constant time.

import { createHash, timingSafeEqual } from 'node:crypto'

export type Scope = 'trigger' | 'manage' | 'read'

export type ApiKey = { digest: Uint8Array; tenant: string; scopes: readonly Scope[] }

export const DEFAULT_TENANT = 'default'

const TENANT = /^[A-Za-z0-9_-]{1,64}$/

export const isTenant = (text: string): boolean => TENANT.test(text)

const KEY = /^[\x21-\x2b\x2d-\x39\x3b-\x7e]{1,512}$/

// Who manages also reads; a key that names no scope may do everything.
const SCOPES: Record<Scope, readonly Scope[]> = {
  trigger: ['trigger'],
  manage: ['manage', 'read'],
  read: ['read'],
}
export const ALL_SCOPES: readonly Scope[] = ['trigger', 'manage', 'read']

const digest = (token: string): Uint8Array => createHash('sha256').update(token, 'utf8').digest()

const isScope = (text: string): text is Scope => Object.hasOwn(SCOPES, text)

/**
 * Reads `key`, `tenant:key` and `tenant:key:scope`, comma separated.
 *
 * @returns the keys, or undefined when any part has another form (the text is secret: no part of it is told)
 */
export const parseApiKeys = (text: string): ApiKey[] | undefined => {
  const keys: ApiKey[] = []
  for (const entry of text.split(',')) {
    const parts = entry.trim().split(':')
    if (parts.length === 1) parts.unshift(DEFAULT_TENANT)
    const [tenant = '', key = '', scope] = parts
    if (parts.length > 3 || !isTenant(tenant) || !KEY.test(key)) return undefined
    if (scope !== undefined && !isScope(scope)) return undefined
    keys.push({
      digest: digest(key),
      tenant,
      scopes: scope === undefined ? ALL_SCOPES : SCOPES[scope],
    })
  }
  return keys
}

export type Caller = { tenant: string; scopes: readonly Scope[] }

const BEARER = /^Bearer +([^\s]+) *$/i

/**
 * Finds whose key a request carries.
 *
 * @param authorization the header as it came; several values joined by a comma name no key
 * @returns undefined without a known key. Every key is compared, whatever the first ones say, and digests are equally
 *   long, so neither time nor a wrong length tells anything (O-SEC-1)
 */
export const findCaller = (
  authorization: string | undefined,
  keys: readonly ApiKey[],
): Caller | undefined => {
  const token = BEARER.exec(authorization ?? '')?.[1] ?? ''
  const presented = digest(token)
  let caller: Caller | undefined
  for (const key of keys) {
    if (timingSafeEqual(presented, key.digest) && token !== '') caller = key
  }
  return caller === undefined ? undefined : { tenant: caller.tenant, scopes: caller.scopes }
}
