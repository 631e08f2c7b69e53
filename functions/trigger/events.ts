// Fires the events that SQS, SNS and EventBridge bring (docs/events.md). All that an answer promises is done before it.

import { makeHandleEvents } from '../../lib/events/handle-events.ts'
import { makeAccepting } from '../../lib/wiring/accepting.ts'
import { openKick } from '../../lib/wiring/kicking.ts'
import { openQueueing } from '../../lib/wiring/queueing.ts'
import { openFunction } from '../../lib/wiring/serving.ts'

const opened = openFunction('trigger-events')
const { config, log } = opened
const queueing = await openQueueing(opened)

const handle = makeHandleEvents({
  trigger: makeAccepting(config, { ...opened, ...queueing }).trigger,
  kick: await openKick(config, { ...queueing, log }),
  tenant: config.eventsTenant,
  maxPayloadBytes: config.http.maxPayloadBytes,
  log,
})

export const handler = async (event: unknown): ReturnType<typeof handle> => {
  try {
    return await handle(event)
  } finally {
    opened.metrics.flush()
  }
}
