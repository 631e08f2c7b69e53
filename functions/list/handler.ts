// GET /api/v0/webhooks and /api/v0/webhooks/{eventName}. Reads Postgres alone: a set in Redis has no order.

import { makeListWebhooks } from '../../lib/broker/list-webhooks.ts'
import { handleHttp } from '../../lib/http/lambda.ts'
import { mountList } from '../../lib/http/routes/webhooks.ts'
import { openApp, openFunction } from '../../lib/wiring/serving.ts'

const opened = openFunction('list')
const app = openApp(opened)
mountList(app, makeListWebhooks(opened.stores))

export const handler = handleHttp(app)
