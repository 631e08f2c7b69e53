// How the dashboard is served: by one process, to anybody, under a policy that lets no other script in, and small.

import { gunzipSync } from 'node:zlib'
import { get } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeApp } from '../../lib/http/app.ts'
import { mountDashboard } from '../../lib/http/routes/dashboard.ts'
import { readDashboard } from '../../lib/wiring/dashboard.ts'
import { startApi, type TestApi } from '../support/api-kit.ts'

let api: TestApi
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const visit = (path: string, headers: Record<string, string> = {}) =>
  api.call('GET', path, { key: null, headers })

const assetsIn = (html: string): string[] =>
  [...html.matchAll(/(?:src|href)="(\/dashboard\/assets\/[^"]+)"/g)].map(([, path = '']) => path)

describe('the dashboard', () => {
  it('is where / leads, and needs no key', async () => {
    const root = await visit('/')
    expect([root.status, root.headers.get('location')]).toEqual([302, '/dashboard/'])
    const bare = await visit('/dashboard')
    expect([bare.status, bare.headers.get('location')]).toEqual([302, '/dashboard/'])
    const page = await visit('/dashboard/')
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('cache-control')).toBe('no-cache')
  })

  it('is the same page at the address of every view, whatever the event is called', async () => {
    const { text } = await visit('/dashboard/')
    for (const path of [
      '/dashboard/deliveries?status=dead',
      '/dashboard/webhooks/a.js/wh_01k9m6tqwd8f3v4e0s5n2x7abc',
      '/dashboard/messages/%3Cscript%3E',
      '/dashboard/%ff',
    ]) {
      const page = await visit(path)
      expect([path, page.status, page.text]).toEqual([path, 200, text])
    }
  })

  it('has a policy that takes scripts and styles from its own host alone, and none inline', async () => {
    const page = await visit('/dashboard/')
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy.split('; ').sort()).toEqual([
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self'",
      "require-trusted-types-for 'script'",
      "script-src 'self'",
      "style-src 'self'",
    ])
    expect(page.text).not.toMatch(/<style|<script(?![^>]* src=)|\sstyle=|\son\w+=|https?:\/\//i)
  })

  it('weighs at most 150 KB, gzipped, with everything that it loads', async () => {
    const page = await visit('/dashboard/')
    const paths = ['/dashboard/', ...assetsIn(page.text)]
    expect(paths.filter((path) => path.endsWith('.js'))).not.toEqual([])
    expect(paths.filter((path) => path.endsWith('.css'))).not.toEqual([])
    const sizes = await Promise.all(paths.map(gzippedSize))
    expect(sizes.every((size) => size > 0)).toBe(true)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(150_000)
  })

  it('serves a file gzipped or plain, as asked, and not again to who has it', async () => {
    const [path = ''] = assetsIn((await visit('/dashboard/')).text).filter((one) =>
      one.endsWith('.js'),
    )
    const plain = await visit(path, { 'accept-encoding': 'identity' })
    expect(plain.headers.get('content-encoding')).toBe(null)
    expect(plain.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(plain.headers.get('vary')).toBe('accept-encoding')
    expect(gunzipSync(await rawBody(path)).toString()).toBe(plain.text)
    const again = await visit(path, { 'if-none-match': plain.headers.get('etag') ?? '' })
    expect([again.status, again.text]).toEqual([304, ''])
  })

  it('answers 404 for a file that it does not have, and serves nothing from beside its folder', async () => {
    for (const path of ['/dashboard/assets/none.js', '/dashboard/assets/../../package.json']) {
      expect((await visit(path)).status).toBe(404)
    }
    const beside = await visit('/dashboard/..%2f..%2fpackage.json')
    expect(beside.text).not.toContain('webhook-broker"')
    expect(beside.headers.get('content-type')).toBe('text/html; charset=utf-8')
  })
})

describe('a broker whose dashboard is not built', () => {
  it('leads to the document of the API, and says how to build it', async () => {
    const app = makeApp({
      keys: undefined,
      makeRequestId: () => 'req_1',
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    })
    mountDashboard(app, readDashboard(new URL('file:///nowhere/dashboard/dist/')))
    const root = await app.request('/')
    expect([root.status, root.headers.get('location')]).toEqual([302, '/docs'])
    const page = await app.request('/dashboard/')
    expect(page.status).toBe(404)
    expect(await page.json()).toMatchObject({
      code: 'not_found',
      detail: 'the dashboard has not been built: run "npm run build:dashboard"',
    })
  })
})

/** The bytes as they came over the wire: fetch would unpack them. */
const rawBody = (path: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    get(api.url + path, { headers: { 'accept-encoding': 'gzip' } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(Buffer.concat(chunks)))
    }).on('error', reject)
  })

const gzippedSize = async (path: string): Promise<number> => (await rawBody(path)).byteLength
