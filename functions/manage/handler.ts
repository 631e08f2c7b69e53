// Everything under /api/v0/webhooks/{eventName}/{id}. It enqueues, too: a test event, and what waited for a webhook.

import { handleHttp } from '../../lib/http/lambda.ts'
import { mountManage } from '../../lib/http/routes/manage.ts'
import { makeAccepting } from '../../lib/wiring/accepting.ts'
import { openQueueing } from '../../lib/wiring/queueing.ts'
import { openApp, openFunction } from '../../lib/wiring/serving.ts'

const opened = openFunction('manage')
const app = openApp(opened)
mountManage(
  app,
  makeAccepting(opened.config, { ...opened, ...(await openQueueing(opened)) }).manage,
)

export const handler = handleHttp(app)
