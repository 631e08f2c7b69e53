import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { findCaller, parseApiKeys, type ApiKey } from '../../lib/domain/api-key.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest()

const keysOf = (text: string): ApiKey[] => {
  const keys = parseApiKeys(text)
  if (keys === undefined) throw new Error(`not parsed: ${text}`)
  return keys
}

describe('parsing API keys', () => {
  it('gives a bare key every scope of the tenant "default"', () => {
    expect(keysOf('abc')).toEqual([
      { digest: sha256('abc'), tenant: 'default', scopes: ['trigger', 'manage', 'read'] },
    ])
  })

  it('reads a tenant and a scope, and lets manage include read', () => {
    expect(
      keysOf('acme:k1, acme:k2:trigger ,acme:k3:manage,acme:k4:read').map(
        ({ tenant, scopes }) => `${tenant} ${scopes.join('+')}`,
      ),
    ).toEqual(['acme trigger+manage+read', 'acme trigger', 'acme manage+read', 'acme read'])
  })

  it('keeps the SHA-256 of a key and nothing else of it', () => {
    expect(JSON.stringify(keysOf('acme:secret-key:read'))).not.toContain('secret-key')
    expect(keysOf('acme:secret-key:read')[0]?.digest).toEqual(sha256('secret-key'))
  })

  it.each([
    ['nothing', ''],
    ['blanks', '  '],
    ['a trailing comma', 'abc,'],
    ['an empty key', 'acme:'],
    ['an empty tenant', ':abc'],
    ['a tenant with a dot', 'ac.me:abc'],
    ['a tenant of 65 characters', `${'t'.repeat(65)}:abc`],
    ['an unknown scope', 'acme:abc:admin'],
    ['a name of every object as scope', 'acme:abc:toString'],
    ['an empty scope', 'acme:abc:'],
    ['a fourth part', 'acme:abc:read:x'],
    ['a blank inside a key', 'a b'],
    ['a letter that is not ASCII', 'clé'],
    ['a key of 513 characters', 'k'.repeat(513)],
  ])('refuses %s', (_what, text) => {
    expect(parseApiKeys(text)).toBeUndefined()
  })
})

describe('finding the caller', () => {
  const keys = keysOf('first-key,acme:second-key:read')

  it('knows a key by its header, whatever the case of "Bearer"', () => {
    expect(findCaller('Bearer first-key', keys)).toEqual({
      tenant: 'default',
      scopes: ['trigger', 'manage', 'read'],
    })
    expect(findCaller('bearer  second-key ', keys)).toEqual({ tenant: 'acme', scopes: ['read'] })
  })

  // O-SEC-1: timingSafeEqual throws on unequal lengths, which became a 500 or the end of the process.
  it.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['no token', 'Bearer '],
    ['one character', 'Bearer x'],
    ['the right length', 'Bearer first-kez'],
    ['10,000 characters', `Bearer ${'k'.repeat(10_000)}`],
    ['é repeated to the right length', `Bearer ${'é'.repeat(9)}`],
    ['the header twice', 'Bearer first-key, Bearer first-key'],
    ['another scheme', 'Basic first-key'],
    ['the bare key', 'first-key'],
    ['a prefix of a key', 'Bearer first-ke'],
    ['tenant and key together', 'Bearer acme:second-key'],
  ])('knows nobody by %s', (_what, header) => {
    expect(findCaller(header, keys)).toBeUndefined()
  })

  it('does not take an empty token for a key, even when the digest of one is configured', () => {
    const empty: ApiKey = { digest: sha256(''), tenant: 'default', scopes: ['read'] }
    expect(findCaller('Bearer ', [empty])).toBeUndefined()
  })
})
