// A process that remembers where an event goes, while another one registers and removes webhooks of that event. Its own
// time stands still, so that what it remembers does not end by itself.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { makePatience } from '../../lib/broker/patience.ts'
import { makeTriggerEvent, type TriggerEvent } from '../../lib/broker/trigger-event.ts'
import { makeLogger } from '../../lib/logger.ts'
import { openRouting, type RoutingParts } from '../../lib/wiring/routing.ts'
import { startApi, type TestApi } from '../support/api-kit.ts'
import { makeManualClock } from '../support/fakes/manual-clock.ts'
import { ids, rigOver } from '../support/store-rig.ts'

let other: TestApi
let routes: RoutingParts
let trigger: TriggerEvent
let lookups = 0
beforeAll(async () => {
  other = await startApi()
  const log = makeLogger('silent')
  const clock = makeManualClock()
  routes = openRouting(other.config.redisUrl, other.config, log)
  await routes.ready()
  trigger = makeTriggerEvent({
    log,
    clock,
    ids,
    patience: makePatience({ clock, log }),
    deliveryLog: rigOver(other.schema.database, other.schema.sql, other.close).deliveryLog,
    routing: {
      lookup: (tenant, eventName) => {
        lookups += 1
        return routes.routing.lookup(tenant, eventName)
      },
    },
    handOver: () => Promise.resolve(),
    steps: () => undefined,
  })
})
afterAll(async () => {
  routes.close()
  await other.close()
})

const register = async (path: string): Promise<string> => {
  const webhookUrl = `http://127.0.0.1:4000${path}`
  const { json } = await other.call('POST', '/api/v0/webhooks', {
    json: { eventName: 'known', webhookUrl },
  })
  return String(json['id'])
}

/** @returns where it went, and how often Redis was asked */
const fire = async (): Promise<{ urls: string[]; lookups: number }> => {
  lookups = 0
  const { messageId } = await trigger({
    tenant: 'default',
    eventName: 'known',
    contentType: undefined,
    body: new Uint8Array(),
    idempotencyKey: undefined,
    traceparent: null,
  })
  const rows = await other.schema.sql<{ url: string }>(
    `select w.url from deliveries d join webhooks w on w.id = d.webhook_id
     where d.message_id = $1 order by w.url`,
    [messageId],
  )
  return { urls: rows.map(({ url }) => url), lookups }
}

const A = 'http://127.0.0.1:4000/a'
const B = 'http://127.0.0.1:4000/b'

test('a webhook that another process registered or removed a moment ago counts at once, although the route is remembered', async () => {
  await register('/a')
  expect(await fire()).toEqual({ urls: [A], lookups: 1 })
  expect(await fire()).toEqual({ urls: [A], lookups: 0 })

  const added = await register('/b')
  expect(await fire()).toEqual({ urls: [A, B], lookups: 0 })
  // What Postgres did not believe is forgotten.
  expect(await fire()).toEqual({ urls: [A, B], lookups: 1 })
  expect(await fire()).toEqual({ urls: [A, B], lookups: 0 })

  expect((await other.call('DELETE', `/api/v0/webhooks/known/${added}`)).status).toBe(204)
  expect(await fire()).toEqual({ urls: [A], lookups: 0 })
  expect(await fire()).toEqual({ urls: [A], lookups: 1 })
})
