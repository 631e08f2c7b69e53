// The whole API as one app: what a laptop and a container serve. A function mounts only its own routes.

import { makeAudit } from '../broker/audit.ts'
import type { Log } from '../broker/ports.ts'
import { makeReadiness } from '../broker/readiness.ts'
import type { Config } from '../config.ts'
import { makeApp } from '../http/app.ts'
import type { App } from '../http/env.ts'
import { mountLog } from '../http/routes/log.ts'
import { mountManage } from '../http/routes/manage.ts'
import { mountSite } from '../http/routes/site.ts'
import { mountTrigger } from '../http/routes/trigger.ts'
import { mountList, mountRegister } from '../http/routes/webhooks.ts'
import type { Accepting } from './accepting.ts'
import { appDeps } from './app-deps.ts'
import type { Stores } from './stores.ts'

export type ApiParts = {
  accepting: Accepting
  stores: Stores
  /** What may be missing without the broker being unready, by name. */
  optional: Record<string, () => Promise<boolean>>
  log: Log
}

export const makeApi = (config: Config, { accepting, stores, optional, log }: ApiParts): App => {
  const app = makeApp(appDeps(config, log))
  mountRegister(app, accepting.register)
  mountList(app, accepting.list)
  mountManage(app, accepting.manage)
  mountTrigger(app, accepting.trigger, config.http.maxPayloadBytes)
  mountLog(app, stores.reader, makeAudit({ audits: stores.audits, log }))
  mountSite(app, makeReadiness({ reader: stores.reader, optional }))
  return app
}
