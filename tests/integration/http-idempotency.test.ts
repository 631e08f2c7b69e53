// Idempotency keys, and what is answered while Postgres is away: the two sides of "repeat with the same key".

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KEYS, problemOf, startApi, type TestApi } from '../support/api-kit.ts'

let api: TestApi
beforeAll(async () => {
  api = await startApi()
  await api.call('POST', '/api/v0/webhooks', {
    json: { eventName: 't.body', webhookUrl: 'http://127.0.0.1:4000/h' },
  })
})
afterAll(() => api.close())

type Sent = { body?: string; headers?: Record<string, string> }
const trigger = (sent: Sent = {}, eventName = 't.body') =>
  api.call('POST', `/api/v0/trigger-event/${eventName}`, sent)

const JSON_TYPE = { 'content-type': 'application/json' }

const rows = async (): Promise<number> => {
  const [row] = await api.schema.sql<{ n: number }>('select count(*)::int as n from messages')
  return row?.n ?? -1
}

// O-DUP-2: check-then-insert let two racing requests both run.
describe('an Idempotency-Key', () => {
  const withKey = (key: string, sent: Sent = {}, eventName = 't.body') =>
    trigger({ ...sent, headers: { ...sent.headers, 'idempotency-key': key } }, eventName)

  it('makes one message of 20 triggers at once', async () => {
    const before = await rows()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => withKey('k-20', { body: '{"n":1}', headers: JSON_TYPE })),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(202))
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(answers[0]?.json['deliveries']).toBe(1)
    expect(await rows()).toBe(before + 1)
  })

  it('gets the first answer again, also when nobody matched', async () => {
    const first = await withKey('k-none', {}, 'nobody.listens')
    const again = await withKey('k-none', {}, 'nobody.listens')
    expect(again.text).toBe(first.text)
    expect(first.json['deliveries']).toBe(0)
  })

  it('is refused with another body or another event', async () => {
    await withKey('k-other', { body: '{"n":1}', headers: JSON_TYPE })
    const reused = { status: 422, code: 'idempotency_key_reused', fields: [] }
    const otherBody = await withKey('k-other', { body: '{"n":2}', headers: JSON_TYPE })
    expect(problemOf(otherBody)).toEqual(reused)
    const otherEvent = await withKey(
      'k-other',
      { body: '{"n":1}', headers: JSON_TYPE },
      'another.event',
    )
    expect(problemOf(otherEvent)).toEqual(reused)
  })

  it('belongs to its tenant', async () => {
    const mine = await withKey('k-tenant')
    const theirs = await api.call('POST', '/api/v0/trigger-event/t.body', {
      key: KEYS.other,
      headers: { 'idempotency-key': 'k-tenant' },
    })
    expect(theirs.json).toMatchObject({ deliveries: 0 })
    expect(theirs.json['messageId']).not.toBe(mine.json['messageId'])
  })

  it('is not needed: two triggers are two messages', async () => {
    const [one, two] = [await trigger(), await trigger()]
    expect(one.json['messageId']).not.toBe(two.json['messageId'])
  })

  it.each([
    ['of 256 characters', 'x'.repeat(256)],
    ['that is empty', ''],
    ['that is not ASCII', 'clé'],
  ])('%s is 400', async (_what, key) => {
    expect(problemOf(await withKey(key))).toEqual({
      status: 400,
      code: 'invalid_idempotency_key',
      fields: [],
    })
  })

  it('of 255 characters is taken', async () => {
    expect((await withKey('~'.repeat(255))).status).toBe(202)
  })
})

// Port 1 of this machine: nobody listens there, and the connection is refused at once.
describe('without Postgres', () => {
  let away: TestApi
  beforeAll(async () => {
    away = await startApi({ DATABASE_URL: 'postgres://nobody:PASSWORD-1@127.0.0.1:1/nothing' })
  })
  afterAll(() => away.close())

  it.each([
    ['POST', '/api/v0/trigger-event/t.body'],
    ['GET', '/api/v0/webhooks'],
    ['GET', '/api/v0/webhooks/a'],
    ['GET', '/api/v0/deliveries'],
    ['GET', '/api/v0/audit'],
    ['GET', '/readyz'],
  ])(
    '%s %s is 503 with a time to come back, and tells nothing of Postgres',
    async (method, path) => {
      const answer = await away.call(method, path)
      expect(problemOf(answer)).toEqual({ status: 503, code: 'log_unavailable', fields: [] })
      expect(answer.headers.get('retry-after')).toBe('1')
      expect(answer.text).not.toMatch(/127\.0\.0\.1|ECONN|select|insert|nobody|PASSWORD/i)
    },
  )

  it('the reason is in the log, without the password', () => {
    const log = away.logLines.join('')
    expect(log).toContain('ECONNREFUSED')
    expect(log).not.toContain('PASSWORD-1')
  })

  it('/healthz is still 200: the process is well', async () => {
    const answer = await away.call('GET', '/healthz', { key: null })
    expect([answer.status, answer.json]).toEqual([200, { status: 'ok' }])
  })
})
