// POST /api/v0/trigger-event/{eventName}. All that a 202 promises is done before it answers: nothing runs afterwards.

import { triggerThenKick } from '../../lib/broker/kick.ts'
import { handleHttp } from '../../lib/http/lambda.ts'
import { mountTrigger } from '../../lib/http/routes/trigger.ts'
import { makeAccepting } from '../../lib/wiring/accepting.ts'
import { openKick } from '../../lib/wiring/kicking.ts'
import { openQueueing } from '../../lib/wiring/queueing.ts'
import { openApp, openFunction } from '../../lib/wiring/serving.ts'

const opened = openFunction('trigger')
const queueing = await openQueueing(opened)
const { trigger } = makeAccepting(opened.config, { ...opened, ...queueing })
const kick = await openKick(opened.config, { ...queueing, log: opened.log })
const app = openApp(opened)
mountTrigger(app, triggerThenKick(trigger, kick), opened.config.http.maxPayloadBytes)

export const handler = handleHttp(app)
