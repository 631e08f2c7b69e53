// POST /api/v0/trigger-event/{eventName}. All that a 202 promises is done before it answers: nothing runs afterwards.

import { handleHttp } from '../../lib/http/lambda.ts'
import { mountTrigger } from '../../lib/http/routes/trigger.ts'
import { makeAccepting } from '../../lib/wiring/accepting.ts'
import { openQueueing } from '../../lib/wiring/queueing.ts'
import { openApp, openFunction } from '../../lib/wiring/serving.ts'

const opened = openFunction('trigger')
const app = openApp(opened)
mountTrigger(
  app,
  makeAccepting(opened.config, { ...opened, ...(await openQueueing(opened)) }).trigger,
  opened.config.http.maxPayloadBytes,
)

export const handler = handleHttp(app)
