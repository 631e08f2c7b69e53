// The site as it is packaged: it has the dashboard with it, and serves it from where it was unpacked.

import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeFunctionKit, type FunctionKit } from '../support/function-kit.ts'
import { PACKAGING_TIMEOUT_MS } from '../support/function-package.ts'
import { httpApiV2 } from '../support/http-events.ts'

let kit: FunctionKit
beforeAll(async () => {
  kit = await makeFunctionKit()
}, PACKAGING_TIMEOUT_MS)
afterAll(() => kit.stop())

const visit = (path: string, headers = {}) =>
  kit.invoke('site', httpApiV2({ method: 'GET', path, headers }))

it('leads to the dashboard and serves it, with its policy, at the address of any view', async () => {
  const root = await visit('/')
  expect([root.statusCode, root.headers['location']]).toEqual([302, '/dashboard/'])
  const page = await visit('/dashboard/deliveries')
  expect(page.statusCode).toBe(200)
  expect(page.headers['content-security-policy']).toContain("script-src 'self'")
  expect(page.body).toContain('<div id="app">')
})

it('serves its script gzipped as well as plain', async () => {
  const [, script = ''] = /src="([^"]+\.js)"/.exec((await visit('/dashboard/')).body) ?? []
  const plain = await visit(script)
  const packed = await visit(script, { 'accept-encoding': 'gzip' })
  expect([plain.statusCode, packed.statusCode]).toEqual([200, 200])
  expect([packed.headers['content-encoding'], packed.isBase64Encoded]).toEqual(['gzip', true])
  expect(gunzipSync(Buffer.from(packed.body, 'base64')).toString()).toBe(plain.body)
})
