// POST /internal/qstash: the worker of a deployment that QStash dispatches. One call is one delivery; it answers when the
// result is committed. Its time limit must be longer than the longest timeout of a webhook, lease margin included.

import { handleHttp, type HttpEvent, type HttpResult } from '../../lib/http/lambda.ts'
import { mountQstash } from '../../lib/http/routes/qstash.ts'
import { makeAddressed } from '../../lib/wiring/entrance.ts'
import { openRoutingLater } from '../../lib/wiring/routing.ts'
import { openApp, openFunction } from '../../lib/wiring/serving.ts'

// What follows an attempt: its result, the hand-over of the next one, the answer.
const AFTER_ATTEMPT_MS = 5_000

type Context = { getRemainingTimeInMillis(): number }

const opened = openFunction('qstash')
const { config, log } = opened
// A route changes only after a 410; most environments never connect.
const hasRouting = config.redisUrl !== undefined || config.upstash !== undefined
const routing = hasRouting ? openRoutingLater(opened) : undefined
// One invocation at a time runs in an environment, and all of them together see what the others learned.
let now: Context = { getRemainingTimeInMillis: () => 0 }
const entranceAt = makeAddressed(config, {
  ...opened,
  routing,
  remainingMs: () => now.getRemainingTimeInMillis() - AFTER_ATTEMPT_MS,
})

let serve: ((event: HttpEvent) => Promise<HttpResult>) | undefined
const serving = (event: HttpEvent) => {
  if (serve !== undefined) return serve
  const entrance = entranceAt(event.requestContext?.domainName)
  if (entrance === undefined) return undefined
  const app = openApp(opened)
  mountQstash(app, entrance)
  return (serve = handleHttp(app))
}

/** It claims nothing: QStash calls again, and until then somebody may have put it right. */
const UNABLE: HttpResult = { statusCode: 503, headers: {}, body: '', isBase64Encoded: false }

export const handler = async (event: HttpEvent, context: Context): Promise<HttpResult> => {
  now = context
  const neededMs = config.delivery.timeoutMs + AFTER_ATTEMPT_MS
  if (context.getRemainingTimeInMillis() < neededMs) {
    log.error('qstash.no_time', { neededMs, advice: 'give the function a longer time limit' })
    return UNABLE
  }
  const answer = serving(event)
  if (answer !== undefined) return answer(event)
  log.error('qstash.no_address', { advice: 'set BROKER_PUBLIC_URL, or call its function URL' })
  return UNABLE
}
