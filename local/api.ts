// The API as a process of its own: `npm run api`.

import { loadProcessConfig } from '../lib/config.ts'
import { makeAccepting } from '../lib/wiring/accepting.ts'
import { makeApi } from '../lib/wiring/api.ts'
import { startReplaying } from '../lib/wiring/replaying.ts'
import { runProcess } from './lifecycle.ts'
import { openParts, stopTimeoutMs, warnOfPlainSecrets } from './parts.ts'
import { configured } from './configured.ts'
import { listen } from './server.ts'

const MAX_CONNECTIONS = 10
const DRAIN_MS = 5_000

const config = configured(() => loadProcessConfig('api'))

await runProcess(stopTimeoutMs(config), async (lifecycle) => {
  const { log, metrics, stores, redis, steps } = await openParts(
    config,
    { role: 'api', maxConnections: MAX_CONNECTIONS },
    lifecycle,
  )
  warnOfPlainSecrets(config, log)
  if (config.auth.kind === 'off') log.warn('auth.off', { reason: config.auth.reason })
  const { queue } = redis
  const replaying = startReplaying({ stores, queue, handOverAgain: queue.replace, log })
  lifecycle.onStop('replays', replaying.close)
  const accepting = makeAccepting(config, {
    stores,
    routing: redis.routing,
    handOver: queue.feed,
    handOverAgain: queue.replace,
    queue,
    replayStarted: replaying.wake,
    steps,
    log,
  })
  const app = makeApi(config, {
    accepting,
    stores,
    metrics,
    optional: {
      redis: redis.ping,
      workers: async () => (await queue.workers()) !== 0,
    },
    log,
  })
  const server = await listen(app, config.http)
  lifecycle.onStop('http', () => server.close(DRAIN_MS))
  console.log(`webhook-broker api ready on ${server.url}`)
})
