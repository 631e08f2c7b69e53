// A worker as a process of its own: `npm run worker`. Any number of them may run.

import { MAX_CONNECTIONS, startWorkerContainer } from '../functions/worker/container.ts'
import { loadProcessConfig } from '../lib/config.ts'
import { configured } from './configured.ts'
import { queueOf } from './dispatch.ts'
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
  const { url, routing, queue: port } = queueOf(parts.dispatch)
  const worker = startWorkerContainer(config, { ...parts, routing, queue: { url, port } })
  lifecycle.onStop('worker', worker.stop)
  await serveMetrics(config, parts, lifecycle)
  console.log('webhook-broker worker ready')
})
