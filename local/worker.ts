// A worker as a process of its own: `npm run worker`. Any number of them may run.

import { loadProcessConfig } from '../lib/config.ts'
import { startDelivering } from '../lib/wiring/delivering.ts'
import { configured } from './configured.ts'
import { runProcess } from './lifecycle.ts'
import { openParts, stopTimeoutMs } from './parts.ts'

// Claims and results are batches on one connection each; the third is for the direct dispatcher.
const MAX_CONNECTIONS = 4

const config = configured(() => loadProcessConfig('worker'))

await runProcess(stopTimeoutMs(config), async (lifecycle) => {
  const parts = await openParts(
    config,
    { role: 'worker', maxConnections: MAX_CONNECTIONS },
    lifecycle,
  )
  const delivering = startDelivering(config, {
    ...parts,
    routing: parts.redis.routing,
    queue: { url: parts.redis.url, port: parts.redis.queue },
  })
  lifecycle.onStop('delivering', () => delivering.close(config.delivery.timeoutMs + 2_000))
  console.log('webhook-broker worker ready')
})
