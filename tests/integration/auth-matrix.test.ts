// Who may do what, generated from the OpenAPI document: a new route without a rule fails here.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openApiDocument } from '../../lib/http/openapi.ts'
import { KEYS, startApi, type TestApi } from '../support/api-kit.ts'

let api: TestApi
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const ID = '0'.repeat(26)

/** An address that no row has: what is let in is told 404, 400 or an empty list, and changes nothing. */
const concrete = (path: string): string =>
  path
    .replace('{eventName}', 'matrix')
    .replace(/(webhooks\/matrix)\/\{id\}/, `$1/wh_${ID}`)
    .replace('deliveries/{id}', `deliveries/dlv_${ID}`)
    .replace('replays/{id}', `replays/rpl_${ID}`)
    .replace('messages/{id}', `messages/msg_${ID}`)

const operations = Object.entries(openApiDocument().paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path: concrete(path),
    scope: operation['x-scope'],
  })),
)

const keyed = operations.filter(({ scope }) => scope !== 'public')
const open = operations.filter(({ scope }) => scope === 'public')

const status = async (method: string, path: string, key: string | null): Promise<number> =>
  (await api.call(method, path, { key })).status

const ALLOWED: Record<string, Record<'trigger' | 'read' | 'manage' | 'full' | 'other', boolean>> = {
  trigger: { trigger: true, read: false, manage: false, full: true, other: true },
  read: { trigger: false, read: true, manage: true, full: true, other: true },
  manage: { trigger: false, read: false, manage: true, full: true, other: true },
}

describe('the rules', () => {
  // Written out once, so that a change of a rule is seen.
  it('are these', () => {
    expect(Object.fromEntries(operations.map(({ name, scope }) => [name, scope]))).toEqual({
      'POST /api/v0/webhooks': 'manage',
      'GET /api/v0/webhooks': 'read',
      'GET /api/v0/webhooks/{eventName}': 'read',
      'GET /api/v0/webhooks/{eventName}/{id}': 'read',
      'PATCH /api/v0/webhooks/{eventName}/{id}': 'manage',
      'DELETE /api/v0/webhooks/{eventName}/{id}': 'manage',
      'POST /api/v0/webhooks/{eventName}/{id}/rotate-secret': 'manage',
      'POST /api/v0/webhooks/{eventName}/{id}/test': 'manage',
      'POST /api/v0/trigger-event/{eventName}': 'trigger',
      'GET /api/v0/deliveries': 'read',
      'GET /api/v0/deliveries/{id}': 'read',
      'POST /api/v0/deliveries/{id}/replay': 'manage',
      'POST /api/v0/deliveries/{id}/cancel': 'manage',
      'GET /api/v0/messages': 'read',
      'POST /api/v0/replays': 'manage',
      'GET /api/v0/replays/{id}': 'read',
      'GET /api/v0/messages/{id}': 'read',
      'GET /api/v0/stats': 'read',
      'GET /api/v0/audit': 'read',
      'GET /healthz': 'public',
      'GET /readyz': 'public',
      'GET /metrics': 'public',
      'GET /openapi.json': 'public',
      'GET /docs': 'public',
    })
  })

  it('are about every route there is, and what the document leaves out is this', () => {
    const routed = new Set(
      api.app.routes
        .filter(({ method }) => method !== 'ALL')
        .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`),
    )
    const pages = ['GET /', 'GET /dashboard', 'GET /dashboard/*', 'GET /docs/style.css']
    expect([...routed].sort()).toEqual([...operations.map(({ name }) => name), ...pages].sort())
  })
})

// What a process is asked on loopback; elsewhere /metrics asks for a key (tests/integration/http-frame.test.ts).
it.each(open)('$name needs no key', async ({ method, path }) => {
  expect(await status(method, path, null)).toBe(200)
})

describe.each(keyed)('$name', ({ method, path, scope }) => {
  it.each([
    ['no key', null],
    ['an empty key', ''],
    ['a wrong key', 'wrong-key-0123456789'],
    ['a key with its tenant', `other:${KEYS.other}`],
    ['the digest of a key', '3b1f'.repeat(16)],
  ])('with %s is 401', async (_what, key) => {
    expect(await status(method, path, key)).toBe(401)
  })

  it('lets in whom its scope names, and answers 403 to the rest', async () => {
    const rule = ALLOWED[scope]
    if (rule === undefined) throw new Error(`there is no rule for the scope ${scope}`)
    for (const name of ['trigger', 'read', 'manage', 'full', 'other'] as const) {
      const answer = await status(method, path, KEYS[name])
      if (rule[name]) {
        expect([name, [200, 202, 400, 404].includes(answer)]).toEqual([name, true])
      } else {
        expect([name, answer]).toEqual([name, 403])
      }
    }
  })
})
