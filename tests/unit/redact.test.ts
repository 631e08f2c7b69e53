// What must never reach a log line (O-SEC-3).

import { describe, expect, it, test } from 'vitest'
import { isSecretHeader, redactHeaders, redactText, redactUrl } from '../../lib/domain/redact.ts'

describe('redactUrl', () => {
  test.each([
    ['https://example.com/hook/a?key=TOKEN-2#frag', 'https://example.com/hook/a'],
    ['http://user:S3CRET@127.0.0.1:8080/h?x=1', 'http://127.0.0.1:8080/h'],
    ['https://example.com', 'https://example.com/'],
    ['redis://default:S3CRET@cache:6379/0', 'redis://cache:6379/0'],
    ['not a URL with S3CRET', '***'],
    ['mailto:someone@example.com?body=S3CRET', 'mailto:***'],
  ])('%s becomes %s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown)
  })
})

describe('redactHeaders', () => {
  it('keeps names, and values that are neither a credential nor a signature', () => {
    expect(
      redactHeaders({
        Authorization: 'Bearer S3CRET',
        cookie: 'session=S3CRET',
        'Set-Cookie': 'a=S3CRET',
        'webhook-signature': 'v1,S3CRET',
        'upstash-signature': 'S3CRET',
        'x-api-key': 'S3CRET',
        'X-Hub-Signature-256': 'sha256=S3CRET',
        'x-auth-token': 'S3CRET',
        'webhook-id': 'msg_1',
        'content-type': 'application/json',
        'retry-after': '5',
      }),
    ).toEqual({
      Authorization: '***',
      cookie: '***',
      'Set-Cookie': '***',
      'webhook-signature': '***',
      'upstash-signature': '***',
      'x-api-key': '***',
      'X-Hub-Signature-256': '***',
      'x-auth-token': '***',
      'webhook-id': 'msg_1',
      'content-type': 'application/json',
      'retry-after': '5',
    })
  })

  test.each(['proxy-authorization', 'X-APIKEY', 'client-secret', 'x-session', 'password'])(
    '%s is secret',
    (name) => {
      expect(isSecretHeader(name)).toBe(true)
    },
  )

  test.each(['content-length', 'x-author', 'x-monkey', 'date', 'webhook-timestamp', 'location'])(
    '%s is not secret',
    (name) => {
      expect(isSecretHeader(name)).toBe(false)
    },
  )
})

describe('redactText', () => {
  test.each([
    [
      'cannot reach postgres://broker:S3CRET@db.internal:5432/broker?sslmode=require now',
      'cannot reach postgres://***@db.internal:5432/broker now',
    ],
    ['redis://:S3CRET@cache:6379 refused', 'redis://***@cache:6379 refused'],
    ['rediss://default:S3/CR?ET@cache:6379/0', 'rediss://***@cache:6379/0'],
    ['postgres://u:S3@CRET@db/x', 'postgres://***@db/x'],
    ['POST https://example.com/hook?key=S3CRET failed', 'POST https://example.com/hook failed'],
    ['see "https://example.com/a#S3CRET".', 'see "https://example.com/a".'],
    ['https://u:S3CRET@example.com/p@v1?q', 'https://***@example.com/p@v1'],
    [
      'two: https://a.example/x?S3CRET https://b.example/y?S3CRET',
      'two: https://a.example/x https://b.example/y',
    ],
    ['login as admin:S3CRET@host', 'login as ***@host'],
    ['secret whsec_UzNDUkVUUzNDUkVUUzNDUkVU is wrong', 'secret whsec_*** is wrong'],
    ['signature v1,UzNDUkVUUzNDUkVUUzNDUkVUUzNDUkVUUzNDUkVU= sent', 'signature v1,*** sent'],
    ['Authorization: Bearer S3CRET-token.abc~x== end', 'Authorization: Bearer *** end'],
    ['authorization: basic dXNlcjpTM0NSRVQ=', 'authorization: basic ***'],
    ['host=db password=S3CRET user=x', 'host=db password=*** user=x'],
    ['{"token":"S3CRET","a":1}', '{"token":"***","a":1}'],
    ['api_key: S3CRET', 'api_key: ***'],
  ])('%s', (text, shown) => {
    expect(redactText(text)).toBe(shown)
    expect(shown).not.toMatch(/S3C?RET|UzNDUkVU|dXNlcjpT/)
  })

  test.each([
    'connect ECONNREFUSED 127.0.0.1:5432',
    'delivery dlv_01jq5x of msg_01jq5y was refused at 2026-01-01T10:00:00.000Z',
    'basic rules hold',
    'write to someone@example.com',
    '',
  ])('leaves "%s" as it is', (text) => {
    expect(redactText(text)).toBe(text)
  })

  it('takes no longer than a moment for a long text without anything to hide', () => {
    const startedMs = performance.now()
    expect(redactText('a:'.repeat(50_000))).toHaveLength(100_000)
    expect(redactText('http://'.repeat(20_000))).toHaveLength(140_000)
    expect(performance.now() - startedMs).toBeLessThan(2_000)
  })
})
