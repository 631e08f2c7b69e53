// What a process that serves no API shows of itself: /healthz and /metrics, the latter for a key when the host is not
// loopback.

import type { Log } from '../broker/ports.ts'
import type { Config } from '../config.ts'
import { authenticate, makeApp } from '../http/app.ts'
import type { App } from '../http/env.ts'
import { mountMetrics, type MetricsText } from '../http/routes/metrics.ts'
import { appDeps } from './app-deps.ts'

export const makeMetricsApp = (config: Config, metrics: MetricsText, log: Log): App => {
  const deps = appDeps(config, log)
  const app = makeApp(deps)
  app.get('/healthz', (c) => c.json({ status: 'ok' }))
  mountMetrics(app, metrics, config.http.loopback ? undefined : authenticate(deps))
  return app
}
