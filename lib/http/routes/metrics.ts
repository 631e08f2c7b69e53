// Metrics for Prometheus. On a loopback host anybody on the machine may read them, elsewhere it takes a key.

import type { MiddlewareHandler } from 'hono'
import type { App, AppEnv } from '../env.ts'
import { mount } from '../route.ts'
import { metricsSpec } from '../site-specs.ts'

export type MetricsText = { render(): Promise<string>; contentType: string }

/** @param guard what a request must pass, or undefined on a loopback host */
export const mountMetrics = (
  app: App,
  metrics: MetricsText,
  guard: MiddlewareHandler<AppEnv> | undefined,
): void => {
  if (guard !== undefined) app.use('/metrics', guard)
  mount(app, metricsSpec, async (c) =>
    c.body(await metrics.render(), 200, { 'content-type': metrics.contentType }),
  )
}
