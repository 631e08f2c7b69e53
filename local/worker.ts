// A worker as a process of its own: `npm run worker`. Any number of them may run.

import { MAX_CONNECTIONS, startWorkerContainer } from '../functions/worker/container.ts'
import { loadProcessConfig } from '../lib/config.ts'
import { configured } from './configured.ts'
import { runProcess } from './lifecycle.ts'
import { serveMetrics } from './metrics.ts'
import { openParts, stopTimeoutMs } from './parts.ts'

const config = configured(() => loadProcessConfig('worker'))

await runProcess(stopTimeoutMs(config), async (lifecycle) => {
  const parts = await openParts(
    config,
    { role: 'worker', maxConnections: MAX_CONNECTIONS },
    lifecycle,
  )
  const worker = startWorkerContainer(config, {
    ...parts,
    routing: parts.redis.routing,
    queue: { url: parts.redis.url, port: parts.redis.queue },
  })
  lifecycle.onStop('worker', worker.stop)
  await serveMetrics(config, parts, lifecycle)
  console.log('webhook-broker worker ready')
})
