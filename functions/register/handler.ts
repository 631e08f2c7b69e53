// POST /api/v0/webhooks. Carries no queue: registering changes Postgres and the routing table.

import { handleHttp } from '../../lib/http/lambda.ts'
import { mountRegister } from '../../lib/http/routes/webhooks.ts'
import { makeRegistering } from '../../lib/wiring/accepting.ts'
import { openRoutingTable } from '../../lib/wiring/routing.ts'
import { openApp, openFunction } from '../../lib/wiring/serving.ts'

const opened = openFunction('register')
const app = openApp(opened)
mountRegister(
  app,
  makeRegistering(opened.config, { ...opened, routing: await openRoutingTable(opened) }),
)

export const handler = handleHttp(app)
