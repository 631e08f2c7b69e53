// The delivery log: /api/v0/deliveries, /api/v0/messages, /api/v0/stats and /api/v0/audit. It reads and changes nothing.

import { makeAudit } from '../../lib/broker/audit.ts'
import { handleHttp } from '../../lib/http/lambda.ts'
import { makeReadStats } from '../../lib/broker/stats.ts'
import { mountLog } from '../../lib/http/routes/log.ts'
import { mountStats } from '../../lib/http/routes/stats.ts'
import { openApp, openFunction } from '../../lib/wiring/serving.ts'

const opened = openFunction('deliveries')
const app = openApp(opened)
mountLog(app, opened.stores.reader, makeAudit({ audits: opened.stores.audits, log: opened.log }))
mountStats(app, makeReadStats(opened.stores))

export const handler = handleHttp(app)
