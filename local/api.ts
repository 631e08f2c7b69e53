// The API as a process of its own: `npm run api`.

import { loadProcessConfig } from '../lib/config.ts'
import { makeAccepting } from '../lib/wiring/accepting.ts'
import { makeApi } from '../lib/wiring/api.ts'
import { startReplaying } from '../lib/wiring/replaying.ts'
import { runProcess } from './lifecycle.ts'
import { drainMs, openQstash, optionalParts } from './entrance.ts'
import { catchUpLater, openParts, stopTimeoutMs, warnOfPlainSecrets } from './parts.ts'
import { configured } from './configured.ts'
import { listen } from './server.ts'

const MAX_CONNECTIONS = 10

const config = configured(() => loadProcessConfig('api'))

await runProcess(stopTimeoutMs(config), async (lifecycle) => {
  const { log, metrics, stores, dispatch, steps } = await openParts(
    config,
    { role: 'api', maxConnections: MAX_CONNECTIONS },
    lifecycle,
  )
  warnOfPlainSecrets(config, log)
  if (config.auth.kind === 'off') log.warn('auth.off', { reason: config.auth.reason })
  const shared = { ...dispatch, queue: dispatch.redis?.queue, stores, steps, log }
  const replaying = startReplaying(shared)
  lifecycle.onStop('replays', replaying.close)
  const accepting = makeAccepting(config, {
    ...shared,
    notHandedOver: catchUpLater(config, shared, lifecycle),
    replayStarted: replaying.wake,
  })
  const app = makeApi(config, {
    accepting,
    stores,
    metrics,
    optional: optionalParts(dispatch),
    qstash: openQstash(config, shared, lifecycle),
    log,
  })
  const server = await listen(app, config.http)
  lifecycle.onStop('http', () => server.close(drainMs(config)))
  console.log(`webhook-broker api ready on ${server.url}`)
})
