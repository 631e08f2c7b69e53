// The whole API as one app: what a laptop and a container serve. A function mounts only its own routes.

import { makeAudit } from '../broker/audit.ts'
import type { Log } from '../broker/ports.ts'
import { makeReadiness } from '../broker/readiness.ts'
import { makeReadStats } from '../broker/stats.ts'
import type { Config } from '../config.ts'
import { authenticate, makeApp } from '../http/app.ts'
import type { App } from '../http/env.ts'
import { mountDashboard } from '../http/routes/dashboard.ts'
import { mountLog } from '../http/routes/log.ts'
import { mountMetrics, type MetricsText } from '../http/routes/metrics.ts'
import { mountManage } from '../http/routes/manage.ts'
import { mountQstash, type QstashEntrance } from '../http/routes/qstash.ts'
import { mountReplay } from '../http/routes/replay.ts'
import { mountReplays } from '../http/routes/replays.ts'
import { mountSite } from '../http/routes/site.ts'
import { mountStats } from '../http/routes/stats.ts'
import { mountTrigger } from '../http/routes/trigger.ts'
import { mountList, mountRegister } from '../http/routes/webhooks.ts'
import type { Accepting } from './accepting.ts'
import { appDeps } from './app-deps.ts'
import { readDashboard } from './dashboard.ts'
import type { Stores } from './stores.ts'

export type ApiParts = {
  accepting: Accepting
  stores: Stores
  /** What may be missing without the broker being unready, by name. */
  optional: Record<string, () => Promise<boolean>>
  log: Log
  /** Where QStash dispatches: what it calls. */
  qstash?: QstashEntrance | undefined
  /** What `log` counts, where somebody can ask this process for it. */
  metrics?: MetricsText
}

export const makeApi = (config: Config, parts: ApiParts): App => {
  const { accepting, stores, optional, log, qstash, metrics } = parts
  const deps = appDeps(config, log)
  const app = makeApp(deps)
  mountRegister(app, accepting.register)
  mountList(app, accepting.list)
  mountManage(app, accepting.manage)
  mountTrigger(app, accepting.trigger, config.http.maxPayloadBytes)
  mountLog(app, stores.reader, makeAudit({ audits: stores.audits, log }))
  mountStats(app, makeReadStats(stores))
  mountReplay(app, accepting.replay)
  mountReplays(app, accepting.replayMany)
  mountSite(app, makeReadiness({ reader: stores.reader, optional }))
  mountDashboard(app, readDashboard(new URL('../../dashboard/dist/', import.meta.url)))
  if (qstash !== undefined) mountQstash(app, qstash)
  if (metrics !== undefined) {
    mountMetrics(app, metrics, config.http.loopback ? undefined : authenticate(deps))
  }
  return app
}
