// POST /internal/qstash: the worker of a deployment that QStash dispatches. One call is one delivery; it answers when the
// result is committed. Its time limit must be longer than the longest timeout of a webhook, lease margin included.

import { handleHttp, type HttpEvent, type HttpResult } from '../../lib/http/lambda.ts'
import { mountQstash } from '../../lib/http/routes/qstash.ts'
import { openEntrance } from '../../lib/wiring/entrance.ts'
import { openRoutingTable } from '../../lib/wiring/routing.ts'
import { openApp, openFunction } from '../../lib/wiring/serving.ts'

// What follows an attempt: its result, the hand-over of the next one, the answer.
const AFTER_ATTEMPT_MS = 5_000

const opened = openFunction('qstash')
const { config, log } = opened
const app = openApp(opened)
mountQstash(app, openEntrance(config, { ...opened, routing: await openRoutingTable(opened) }))
const serve = handleHttp(app)

/** Without the time for an attempt it claims nothing: QStash calls again, and a function with more time answers. */
const NO_TIME: HttpResult = { statusCode: 503, headers: {}, body: '', isBase64Encoded: false }

export const handler = async (
  event: HttpEvent,
  context: { getRemainingTimeInMillis(): number },
): Promise<HttpResult> => {
  const neededMs = config.delivery.timeoutMs + AFTER_ATTEMPT_MS
  if (context.getRemainingTimeInMillis() >= neededMs) return serve(event)
  log.error('qstash.no_time', { neededMs, advice: 'give the function a longer time limit' })
  return NO_TIME
}
