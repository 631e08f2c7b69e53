// The delivery log as the API shows it, before anything was delivered: shapes, filters, pages, tenants.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KEYS, problemOf, startApi, type TestApi } from '../support/api-kit.ts'

let api: TestApi
let webhookId: string
const messageIds: string[] = []
beforeAll(async () => {
  api = await startApi()
  const registered = await api.call('POST', '/api/v0/webhooks', {
    json: { eventName: 'logged', webhookUrl: 'http://127.0.0.1:4000/h?key=1' },
  })
  webhookId = String(registered.json['id'])
  for (let n = 0; n < 5; n += 1) {
    const { json } = await api.call('POST', '/api/v0/trigger-event/logged', { json: { n } })
    messageIds.push(String(json['messageId']))
  }
})
afterAll(() => api.close())

type Delivery = Record<string, unknown> & { id: string; messageId: string; createdAt: string }
const list = async (query = '', key: string = KEYS.read) => {
  const answer = await api.call('GET', `/api/v0/deliveries?${query}`, { key })
  expect(answer.status).toBe(200)
  return answer.json as { deliveries: Delivery[]; nextCursor: string | null }
}

describe('a delivery', () => {
  it('says what it is and why it is not delivered yet', async () => {
    const { deliveries } = await list()
    const shown = {
      id: expect.stringMatching(/^dlv_[0-9a-z]{26}$/) as string,
      messageId: messageIds[4],
      webhookId,
      eventName: 'logged',
      webhookUrl: 'http://127.0.0.1:4000/h?key=1',
      status: 'pending',
      inFlight: false,
      attemptCount: 0,
      nextAttemptAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      waiting: { reason: 'queued', until: null },
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      firstDeliveredAt: null,
      finishedAt: null,
      deadReason: null,
    }
    expect(deliveries[0]).toEqual(shown)
    const alone = await api.call('GET', `/api/v0/deliveries/${deliveries[0]?.id ?? ''}`)
    expect(alone.json).toEqual({ ...shown, attempts: [] })
  })

  it('that is not there is 404, and so is what is no id', async () => {
    for (const id of [`dlv_${'0'.repeat(26)}`, 'dlv_1', 'x', `msg_${'0'.repeat(26)}`]) {
      expect(problemOf(await api.call('GET', `/api/v0/deliveries/${id}`))).toEqual({
        status: 404,
        code: 'not_found',
        fields: [],
      })
    }
  })
})

describe('a message', () => {
  it('says what was triggered, with its deliveries', async () => {
    const { json } = await api.call('GET', `/api/v0/messages/${messageIds[2] ?? ''}`)
    expect(json).toEqual({
      id: messageIds[2],
      eventName: 'logged',
      contentType: 'application/json',
      size: 7,
      payload: '{"n":2}',
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      deliveries: [expect.objectContaining({ messageId: messageIds[2], webhookId }) as object],
    })
  })
})

describe('the figures', () => {
  const figures = { accepted: 5, delivered: 0, failed: 0, dead: 0, successRate: null }

  it('of the last hour are counts in total, per minute, per event and per webhook', async () => {
    const { json } = await api.call('GET', '/api/v0/stats', { key: KEYS.read })
    const { buckets, ...rest } = json
    const latency = { p50Ms: null, p95Ms: null }
    expect(rest).toEqual({
      from: expect.stringMatching(/:00\.000Z$/) as string,
      to: expect.stringMatching(/:00\.000Z$/) as string,
      step: 60,
      totals: { ...figures, ...latency },
      open: { count: 5, capped: false, oldestDueAt: expect.stringMatching(/Z$/) as string },
      events: [{ eventName: 'logged', ...figures, ...latency }],
      webhooks: [
        {
          webhookId,
          eventName: 'logged',
          webhookUrl: 'http://127.0.0.1:4000/h?key=1',
          status: 'enabled',
          ...figures,
          ...latency,
        },
      ],
    })
    const counts = (buckets as { accepted: number }[]).map(({ accepted }) => accepted)
    expect([60, 61]).toContain(counts.length)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5)
  })

  it('keep to their filters and to their tenant', async () => {
    const accepted = async (query: string, key: string = KEYS.read) => {
      const { json } = await api.call('GET', `/api/v0/stats?${query}`, { key })
      return (json['totals'] as { accepted: number }).accepted
    }
    expect(await accepted('eventName=logged')).toBe(5)
    expect(await accepted('eventName=other')).toBe(0)
    expect(await accepted(`webhookId=${webhookId}&step=3600`)).toBe(5)
    expect(await accepted(`webhookId=wh_${'0'.repeat(26)}`)).toBe(0)
    expect(await accepted('from=2000-01-01T00:00:00Z&to=2000-01-02T00:00:00Z')).toBe(0)
    expect(await accepted('', KEYS.other)).toBe(0)
  })

  it.each([
    ['step', 'step=1m'],
    ['step', 'step=59'],
    ['step', 'step=90'],
    ['step', 'step=60&from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z'],
    ['step', 'from=0001-01-01T00:00:00Z'],
    ['to', 'from=2020-01-01T00:00:00Z&to=2020-01-01T00:00:00Z'],
    ['eventName', 'eventName=a%20b'],
    ['webhookId', 'webhookId=wh_1'],
  ])('name %s when asked for %s', async (field, query) => {
    const answer = await api.call('GET', `/api/v0/stats?${query}`)
    expect(problemOf(answer)).toEqual({ status: 400, code: 'invalid_request', fields: [field] })
  })
})

describe('the list of messages', () => {
  type List = { messages: { id: string }[]; nextCursor: string | null }
  const messages = async (query = '', key: string = KEYS.read) => {
    const answer = await api.call('GET', `/api/v0/messages?${query}`, { key })
    expect(answer.status).toBe(200)
    return answer.json as List
  }

  it('is newest first, in pages that join up, without payloads and deliveries', async () => {
    const first = await messages('page_size=3')
    const second = await messages(`page_size=3&cursor=${String(first.nextCursor)}`)
    expect([...first.messages, ...second.messages].map(({ id }) => id)).toEqual(
      [...messageIds].reverse(),
    )
    expect(second.nextCursor).toBeNull()
    expect(first.messages[0]).toEqual({
      id: messageIds[4],
      eventName: 'logged',
      contentType: 'application/json',
      size: 7,
      matched: 1,
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    })
  })

  it('keeps to its filters and to its tenant', async () => {
    const count = async (query: string) => (await messages(query)).messages.length
    expect(await count('eventName=logged')).toBe(5)
    expect(await count('eventName=other')).toBe(0)
    expect(await count('from=2000-01-01T00:00:00Z')).toBe(5)
    expect(await count('to=2000-01-01T00:00:00Z')).toBe(0)
    expect(await messages('', KEYS.other)).toEqual({ messages: [], nextCursor: null })
  })

  it.each([
    ['eventName', 'a b'],
    ['from', 'yesterday'],
    ['to', ''],
    ['page_size', '0'],
    ['cursor', Buffer.from(`[1,"dlv_${'0'.repeat(26)}"]`).toString('base64url')],
  ])('%s=%s is 400 naming the filter', async (name, value) => {
    const answer = await api.call('GET', `/api/v0/messages?${name}=${encodeURIComponent(value)}`)
    expect(problemOf(answer)).toEqual({ status: 400, code: 'invalid_request', fields: [name] })
  })
})

describe('the list of deliveries', () => {
  it('is newest first, in pages that join up', async () => {
    const first = await list('page_size=2')
    const second = await list(`page_size=2&cursor=${String(first.nextCursor)}`)
    const third = await list(`page_size=2&cursor=${String(second.nextCursor)}`)
    const seen = [first, second, third].flatMap(({ deliveries }) =>
      deliveries.map(({ messageId }) => messageId),
    )
    expect(seen).toEqual([...messageIds].reverse())
    expect(third.nextCursor).toBeNull()
  })

  it('keeps to what each filter says', async () => {
    const { deliveries } = await list()
    const middle = deliveries[2]?.createdAt ?? ''
    // Three, unless two were made in the same millisecond.
    const sinceMiddle = deliveries.filter(({ createdAt }) => createdAt >= middle).length
    const count = async (query: string) => (await list(query)).deliveries.length
    expect(await count('status=pending')).toBe(5)
    expect(await count('status=delivered')).toBe(0)
    expect(await count('eventName=logged')).toBe(5)
    expect(await count('eventName=other')).toBe(0)
    expect(await count(`webhookId=${webhookId}`)).toBe(5)
    expect(await count(`webhookId=wh_${'0'.repeat(26)}`)).toBe(0)
    expect(await count(`messageId=${messageIds[1] ?? ''}`)).toBe(1)
    expect(await count('from=2000-01-01T00:00:00Z&to=2001-01-01T00:00:00%2B02:00')).toBe(0)
    expect(await count(`from=${middle}`)).toBe(sinceMiddle)
    expect(await count(`from=${middle}&to=2000-01-01T00:00:00Z`)).toBe(0)
  })

  it.each([
    ['status', 'lost'],
    ['status', ''],
    ['eventName', 'a b'],
    ['webhookId', 'wh_1'],
    ['messageId', 'dlv_1'],
    ['from', 'yesterday'],
    ['from', '2026-02-30T00:00:00Z'],
    ['to', '2026-01-01'],
    ['to', ''],
    ['cursor', 'x'],
  ])('%s=%s is 400 naming the filter', async (name, value) => {
    const answer = await api.call('GET', `/api/v0/deliveries?${name}=${encodeURIComponent(value)}`)
    expect(problemOf(answer)).toEqual({ status: 400, code: 'invalid_request', fields: [name] })
  })

  it('of another tenant is empty, and what is not listed cannot be read', async () => {
    const key = KEYS.other
    expect(await list('', key)).toEqual({ deliveries: [], nextCursor: null })
    const [delivery] = (await list()).deliveries
    for (const path of [`deliveries/${delivery?.id ?? ''}`, `messages/${messageIds[0] ?? ''}`]) {
      expect((await api.call('GET', `/api/v0/${path}`, { key })).status).toBe(404)
      expect((await api.call('GET', `/api/v0/${path}`)).status).toBe(200)
    }
  })
})

describe('the audit', () => {
  it('balances: five messages, five matched, five open', async () => {
    const { json } = await api.call('GET', '/api/v0/audit')
    expect(json).toEqual({
      balanced: true,
      days: [
        {
          day: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) as string,
          messages: 5,
          matched: 5,
          delivered: 0,
          dead: 0,
          cancelled: 0,
          open: 5,
        },
      ],
    })
    expect((await api.call('GET', '/api/v0/audit', { key: KEYS.other })).json).toEqual({
      balanced: true,
      days: [],
    })
  })
})
