// The metrics of a process that serves no API, where BROKER_METRICS_PORT says.

import type { Config } from '../lib/config.ts'
import { makeMetricsApp } from '../lib/wiring/metrics-app.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Parts } from './parts.ts'
import { listen } from './server.ts'

const DRAIN_MS = 1_000

/** @throws BrokerError `conflict` when the port is taken */
export const serveMetrics = async (
  config: Config,
  { metrics, log }: Pick<Parts, 'metrics' | 'log'>,
  lifecycle: Lifecycle,
): Promise<void> => {
  const { host, metricsPort: port } = config.http
  if (port === undefined) return
  const server = await listen(makeMetricsApp(config, metrics, log), { host, port })
  lifecycle.onStop('metrics', () => server.close(DRAIN_MS))
  console.log(`metrics on ${server.url}/metrics`)
}
