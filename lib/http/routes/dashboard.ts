// The dashboard: static files, and one page for every address below /dashboard/. No key is asked for here: the page asks
// the API, and the API asks for the key. Nothing of a request gets into what is served.

import { BrokerError } from '../../domain/errors.ts'
import type { App } from '../env.ts'

export type StaticFile = {
  body: Uint8Array<ArrayBuffer>
  gzipped: Uint8Array<ArrayBuffer>
  contentType: string
  /** Quoted, as it stands in the header. */
  etag: string
  /** Its name changes with its content. */
  immutable: boolean
}

/** By their path below /dashboard/, such as `index.html`. None: the dashboard has not been built. */
export type StaticFiles = ReadonlyMap<string, StaticFile>

/** Scripts, styles and requests to this very host, and nothing else; no inline script or style. */
export const DASHBOARD_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

const SECURITY = {
  'content-security-policy': DASHBOARD_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
}

const PREFIX = '/dashboard/'
const PAGE = 'index.html'

/** Mounts the dashboard, and `/` which leads to it (to the document of the API while it is not built). */
export const mountDashboard = (app: App, files: StaticFiles): void => {
  app.get('/', (c) => c.redirect(files.has(PAGE) ? PREFIX : '/docs'))
  app.get('/dashboard', (c) => c.redirect(PREFIX))
  app.get('/dashboard/*', (c) => {
    const path = c.req.path.slice(PREFIX.length)
    // Addresses of views may hold dots (event names do), so only the folder of the files tells a file from a view.
    const file = files.get(path) ?? (path.startsWith('assets/') ? undefined : files.get(PAGE))
    if (file === undefined) throw new BrokerError('not_found', whyNot(files))
    const headers: Record<string, string> = {
      ...SECURITY,
      etag: file.etag,
      vary: 'accept-encoding',
      'cache-control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    }
    if (c.req.header('if-none-match') === file.etag) return c.body(null, 304, headers)
    headers['content-type'] = file.contentType
    if (!/\bgzip\b/.test(c.req.header('accept-encoding') ?? '')) {
      return c.body(file.body, 200, headers)
    }
    headers['content-encoding'] = 'gzip'
    return c.body(file.gzipped, 200, headers)
  })
}

const whyNot = (files: StaticFiles): string =>
  files.size === 0
    ? 'the dashboard has not been built: run "npm run build:dashboard"'
    : 'the dashboard has no such file'
