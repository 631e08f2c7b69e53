import { describe, expect, test } from 'vitest'
import { parseCidrs } from '../../../lib/domain/address-guard.ts'
import { BrokerError } from '../../../lib/domain/errors.ts'
import { acceptCustomHeaders, normaliseWebhookUrl } from '../../../lib/domain/webhook.ts'

const allowedCidrs = parseCidrs('127.0.0.1/32') ?? []
const policy = { allowedCidrs, httpsOnly: false }

const faultOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof BrokerError) {
      return `${error.code} ${error.faults[0]?.field ?? ''}: ${error.faults[0]?.message ?? ''}`
    }
    throw error
  }
  return 'accepted'
}

describe('a webhook URL', () => {
  // O-DUP-1: near-identical URLs made second hooks.
  test.each([
    'http://127.0.0.1:4000/h',
    'HTTP://127.0.0.1:4000/h',
    'http://127.0.0.1:4000/x/../h',
    'http://127.0.0.1:4000/h#frag',
    'http://127.1:4000/./h',
  ])('%s is one and the same', (url) => {
    expect(normaliseWebhookUrl(url, policy)).toBe('http://127.0.0.1:4000/h')
  })

  test('with a slash or a query more is another one', () => {
    expect(normaliseWebhookUrl('http://127.0.0.1:4000/h/', policy)).toBe('http://127.0.0.1:4000/h/')
    expect(normaliseWebhookUrl('http://127.0.0.1:4000/h?x=1', policy)).toBe(
      'http://127.0.0.1:4000/h?x=1',
    )
  })

  test('may name a host that nobody knows yet', () => {
    expect(normaliseWebhookUrl('https://Hooks.Example.com', policy)).toBe(
      'https://hooks.example.com/',
    )
  })

  test.each([
    ['ftp://example.com/', 'the URL must begin with http:// or https://'],
    ['example.com', 'the URL must begin with http:// or https://'],
    ['http:example.com', 'the URL must begin with http:// or https://'],
    ['http://', 'this is not a URL'],
    ['http://exa\tmple.com/', 'the URL holds a blank, a control character or a backslash'],
    ['http://example.com\\@evil.com/', 'the URL holds a blank, a control character or a backslash'],
    [' http://example.com/', 'the URL holds a blank, a control character or a backslash'],
    // O-URL-4: credentials were dropped in silence, or every attempt threw.
    [
      'http://name:S3CRET@example.com/',
      'the URL holds a user name or password; use a custom header instead',
    ],
    ['http://example.com:0/', 'port 0 is not allowed for HTTP'],
    ['http://example.com:25/', 'port 25 is not allowed for HTTP'],
    ['https://example.com:6667/', 'port 6667 is not allowed for HTTP'],
    [`http://example.com/${'x'.repeat(2_048)}`, 'the URL is longer than 2048 characters'],
    [
      `http://example.com/${'é'.repeat(1_000)}`,
      'the URL in its encoded form is longer than 2048 characters',
    ],
  ])('%j is refused with a reason', (url, reason) => {
    expect(faultOf(() => normaliseWebhookUrl(url, policy))).toBe(
      `invalid_url webhookUrl: ${reason}`,
    )
  })

  test('that names a forbidden address is refused', () => {
    expect(faultOf(() => normaliseWebhookUrl('http://169.254.169.254/', policy))).toMatch(
      /^forbidden_address webhookUrl:/,
    )
  })

  test('must be https where that is configured', () => {
    const strict = { allowedCidrs, httpsOnly: true }
    expect(faultOf(() => normaliseWebhookUrl('http://example.com/', strict))).toBe(
      'invalid_url webhookUrl: the URL must begin with https://',
    )
    expect(normaliseWebhookUrl('https://example.com/', strict)).toBe('https://example.com/')
  })
})

// O-SEC-2: custom headers spread after the signed ones replaced the signature.
describe('custom headers', () => {
  test('are kept with names in lower case', () => {
    expect(acceptCustomHeaders({ 'X-Team': 'a b\tc', authorization: 'Bearer x' })).toEqual({
      'x-team': 'a b\tc',
      authorization: 'Bearer x',
    })
  })

  test.each([
    'webhook-signature',
    'Webhook-Id',
    'HOST',
    'Content-Length',
    'content-type',
    'Transfer-Encoding',
    'Connection',
    'user-agent',
    'proxy-authorization',
  ])('%s is the broker’s own', (name) => {
    expect(faultOf(() => acceptCustomHeaders({ [name]: 'x' }))).toBe(
      `invalid_request headers.${name}: this header is set by the broker and cannot be changed`,
    )
  })

  test.each([
    ['X-A', 'a\r\nX-B: 1'],
    ['X-U', '✓'],
    ['X-L', 'x'.repeat(1_025)],
  ])('%s with the value %j is refused', (name, value) => {
    expect(faultOf(() => acceptCustomHeaders({ [name]: value }))).toMatch(
      new RegExp(`^invalid_request headers.${name}: a header value has at most 1024`),
    )
  })

  test.each(['X A', '', 'x:y', 'é', 'x'.repeat(65)])('the name %j is refused', (name) => {
    expect(faultOf(() => acceptCustomHeaders({ [name]: '1' }))).toMatch(/this is not a header name/)
  })

  test('may not be named twice in two cases', () => {
    expect(faultOf(() => acceptCustomHeaders({ 'X-A': '1', 'x-a': '2' }))).toBe(
      'invalid_request headers.x-a: this header is named twice',
    )
  })

  test('are 50 at most', () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-${i}`, '1']))
    expect(faultOf(() => acceptCustomHeaders(many))).toBe(
      'invalid_request headers: at most 50 custom headers',
    )
  })
})
