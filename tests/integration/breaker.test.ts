// A breaker that closes, with a real worker and a real receiver, and no sweep that would repair what it leaves behind.

import { test } from 'vitest'
import { startApi } from '../support/api-kit.ts'
import { startReceiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'

// It closed with nobody waiting and kept those who came next standing in a line that did not move: they were parked behind
// nothing, and waited up to a minute for the sweep.
test('whoever comes after a probe for which nobody waited is delivered at once', async () => {
  let status = 500
  const receiver = await startReceiver({
    answer: (_request, response) => response.writeHead(status).end(),
  })
  const api = await startApi({
    BROKER_RETRY_SCHEDULE: '10ms,10ms',
    BROKER_BREAKER_FAILURES: '1',
    BROKER_BREAKER_OPEN_MS: '50',
  })
  try {
    api.deliver()
    const webhook = { eventName: 'sold', webhookUrl: receiver.url }
    await api.call('POST', '/api/v0/webhooks', { json: webhook })
    const logged = (event: string) =>
      waitUntil(() => api.logLines.some((line) => line.includes(`"msg":"${event}"`)), {
        message: event,
      })
    await api.call('POST', '/api/v0/trigger-event/sold')
    await logged('breaker.opened')
    status = 200
    await logged('breaker.closed')
    await api.call('POST', '/api/v0/trigger-event/sold')
    const delivered = () =>
      api.schema.sql<{ id: string }>("select id from deliveries where status = 'delivered'")
    await waitUntil(async () => (await delivered()).length === 2, { message: 'both to arrive' })
  } finally {
    await api.close()
    await receiver.close()
  }
})
