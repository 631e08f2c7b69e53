// Everything under /api/v0/webhooks/{eventName}/{id}, replay and cancel of a delivery, and replays of many. It enqueues,
// too: a test event, what waited for a webhook, what is to be sent again.

import { handleHttp } from '../../lib/http/lambda.ts'
import { mountManage } from '../../lib/http/routes/manage.ts'
import { mountReplay } from '../../lib/http/routes/replay.ts'
import { mountReplays } from '../../lib/http/routes/replays.ts'
import { makeAccepting } from '../../lib/wiring/accepting.ts'
import { openQueueing } from '../../lib/wiring/queueing.ts'
import { openApp, openFunction } from '../../lib/wiring/serving.ts'

const opened = openFunction('manage')
const app = openApp(opened)
const accepting = makeAccepting(opened.config, { ...opened, ...(await openQueueing(opened)) })
mountManage(app, accepting.manage)
mountReplay(app, accepting.replay)
mountReplays(app, accepting.replayMany)

export const handler = handleHttp(app)
