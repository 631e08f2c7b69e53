import { expect, test } from 'vitest'
import { isId } from '../../../lib/domain/ids.ts'
import { OPERATIONAL_EVENTS } from '../../../lib/http/schemas-events.ts'
import { messageOf, type NotedEvent } from '../../../lib/domain/operational-event.ts'

const noted = {
  id: '0f1e2d3c-4b5a-4978-8897-a6b5c4d3e2f1',
  tenant: 'default',
  notedAtMs: Date.parse('2026-01-31T12:00:00.123Z'),
}
const about = {
  webhookId: 'wh_1',
  eventName: 'upload_image',
  webhookUrl: 'https://user.example/hooks/a?token=secret',
}
const shown = { ...about, webhookUrl: 'https://user.example/hooks/a' }
const timestamp = '2026-01-31T12:00:00.123Z'

test.each<[NotedEvent, unknown]>([
  [
    { ...noted, name: 'broker.webhook.disabled', data: { ...about, reason: 'gone' } },
    { type: 'broker.webhook.disabled', timestamp, data: { ...shown, reason: 'gone' } },
  ],
  [
    {
      ...noted,
      name: 'broker.webhook.failing',
      data: { ...about, failingSinceMs: noted.notedAtMs - 60_000 },
    },
    {
      type: 'broker.webhook.failing',
      timestamp,
      data: { ...shown, failingSince: '2026-01-31T11:59:00.123Z' },
    },
  ],
  [
    {
      ...noted,
      name: 'broker.webhook.recovered',
      data: { ...about, failingSinceMs: noted.notedAtMs - 60_000 },
    },
    {
      type: 'broker.webhook.recovered',
      timestamp,
      data: { ...shown, failingSince: '2026-01-31T11:59:00.123Z' },
    },
  ],
  [
    {
      ...noted,
      name: 'broker.delivery.dead',
      data: {
        ...about,
        deliveryId: 'dlv_1',
        messageId: 'msg_1',
        reason: 'schedule_exhausted',
        attempts: 11,
        code: 'http_status',
        statusCode: 503,
      },
    },
    {
      type: 'broker.delivery.dead',
      timestamp,
      data: {
        deliveryId: 'dlv_1',
        messageId: 'msg_1',
        ...shown,
        reason: 'schedule_exhausted',
        attempts: 11,
        lastAttempt: { code: 'http_status', statusCode: 503 },
      },
    },
  ],
])('the message of $0.name says what happened, and no query string', (event, payload) => {
  const sent: unknown = JSON.parse(new TextDecoder().decode(messageOf(event).payload))
  expect(sent).toEqual(payload)
  // What the OpenAPI document promises.
  expect(OPERATIONAL_EVENTS[event.name].safeParse(sent).error?.issues).toBeUndefined()
})

test('the same event gives the same id and the same bytes, and another event another id', () => {
  const event: NotedEvent = {
    ...noted,
    name: 'broker.webhook.disabled',
    data: { ...about, reason: 'manual' },
  }
  const { messageId, payload } = messageOf(event)
  expect(messageId).toBe('msg_01kg9ys7kvfydwbt9r8q6n4k2h')
  expect(isId('msg', messageId)).toBe(true)
  expect(messageOf(structuredClone(event))).toEqual({ messageId, payload })
  const other = messageOf({ ...event, id: '1f1e2d3c-4b5a-4978-8897-a6b5c4d3e2f0' })
  expect(other.messageId).not.toBe(messageId)
})
