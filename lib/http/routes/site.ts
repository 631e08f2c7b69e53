// What lies outside the API: health, the OpenAPI document, and the page made of it. No key is asked for.

import type { Readiness } from '../../broker/readiness.ts'
import { BrokerError } from '../../domain/errors.ts'
import type { App } from '../env.ts'
import { docsPage, DOCS_STYLE } from '../docs-page.ts'
import { openApiDocument } from '../openapi.ts'
import { mount } from '../route.ts'
import { docsSpec, documentSpec, healthSpec, readySpec } from '../site-specs.ts'

const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"

export const mountSite = (app: App, readiness: Readiness): void => {
  mount(app, healthSpec, (c) => c.json({ status: 'ok' }))
  mount(app, readySpec, async (c) => {
    const { ready, degraded } = await readiness()
    if (!ready) throw new BrokerError('log_unavailable', 'Postgres does not answer')
    return c.json({ status: degraded.length === 0 ? 'ready' : 'degraded', degraded })
  })
  mount(app, documentSpec, (c) => c.json(openApiDocument()))
  mount(app, docsSpec, (c) =>
    c.html(docsPage(openApiDocument()), 200, { 'content-security-policy': POLICY }),
  )
  app.get('/docs/style.css', (c) =>
    c.body(DOCS_STYLE, 200, { 'content-type': 'text/css; charset=utf-8' }),
  )
}
