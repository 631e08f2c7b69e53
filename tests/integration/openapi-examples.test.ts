// The examples of the OpenAPI document are requests that work, and every error that it names is one that is answered.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EXAMPLES } from '../../lib/http/examples.ts'
import { KEYS, startApi, type Answer, type CallOptions, type TestApi } from '../support/api-kit.ts'
import { faultOf, operations, type Documented } from '../support/openapi-check.ts'

let api: TestApi
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const exampleOf = (shape: string) => EXAMPLES[shape] as Record<string, string> | undefined
const WEBHOOK = exampleOf('Webhook')?.['id'] ?? ''
const DELIVERY = exampleOf('Delivery')?.['id'] ?? ''
const MESSAGE = exampleOf('Message')?.['id'] ?? ''
const REPLAY = exampleOf('Replay')?.['id']

/** What the ids of the examples name. */
const seed = async () => {
  const { call, schema } = api
  await schema.sql('delete from webhooks')
  await schema.sql('delete from messages')
  await schema.sql('delete from deliveries')
  const json = { eventName: 'upload_image', webhookUrl: 'http://127.0.0.1:4000/first' }
  await call('POST', '/api/v0/webhooks', { json })
  await schema.sql('update webhooks set id = $1', [WEBHOOK])
  await call('POST', '/api/v0/trigger-event/upload_image', { json: { name: 'cat.png' } })
  await schema.sql('update messages set id = $1', [MESSAGE])
  await schema.sql('update deliveries set id = $1, message_id = $2', [DELIVERY, MESSAGE])
  if (REPLAY === undefined) return
  await schema.sql('delete from replays')
  await call('POST', '/api/v0/replays', { json: { filter: { eventName: 'upload_image' } } })
  await schema.sql('update replays set id = $1', [REPLAY])
}
beforeEach(seed)

type Example = { path: string; options: CallOptions }

/** The request that the document shows. */
const exampleRequest = ({ path, operation }: Documented): Example => {
  const values = new Map(
    operation.parameters
      .filter((parameter) => parameter.in === 'path')
      .map(({ name, example }) => [name, String(example)]),
  )
  const content = operation['requestBody'] as
    { content: Record<string, { example?: unknown }> } | undefined
  const json = content?.content['application/json']?.example
  return {
    path: path.replace(/\{(\w+)\}/g, (_all, name: string) => values.get(name) ?? ''),
    options: json === undefined ? {} : { json },
  }
}

const all = operations()

describe('the example of', () => {
  it.each(all)('$name works', async (documented) => {
    const { path, options } = exampleRequest(documented)
    const answer = await api.call(documented.method, path, options)
    expect(faultOf(documented.operation, answer)).toBeUndefined()
    expect(answer.status).toBeGreaterThanOrEqual(200)
    expect(answer.status).toBeLessThan(300)
  })

  it.each(all)('$name has a body to send where it takes one', ({ operation }) => {
    const body = operation['requestBody'] as
      { content: Record<string, { example?: unknown }> } | undefined
    if (body !== undefined) expect(body.content['application/json']?.example).toBeDefined()
  })
})

type Provoke = (documented: Documented, example: Example) => Promise<Answer>

const withParameter = (path: string, name: string, value: string) =>
  path.replace(`{${name}}`, value).replace('{eventName}', 'upload_image').replace('{id}', WEBHOOK)

const NOBODY: Record<string, string> = {
  webhooks: `wh_${'0'.repeat(26)}`,
  deliveries: `dlv_${'0'.repeat(26)}`,
  messages: `msg_${'0'.repeat(26)}`,
  replays: `rpl_${'0'.repeat(26)}`,
}
const LACKING: Record<string, string> = {
  read: KEYS.trigger,
  manage: KEYS.read,
  trigger: KEYS.read,
}

const post =
  (body: NonNullable<CallOptions['body']>, headers = { 'content-type': 'application/json' }) =>
  ({ method }: Documented, { path }: Example) =>
    api.call(method, path, { body, headers })

const withBody =
  (change: Record<string, unknown>): Provoke =>
  ({ method }, { path, options }) =>
    api.call(method, path, { json: { ...(options.json as object), ...change } })

/** How each error is brought about. */
const PROVOKE: Record<string, Provoke> = {
  unauthorized: ({ method }, { path, options }) =>
    api.call(method, path, { ...options, key: null }),
  forbidden: ({ method, operation }, { path, options }) =>
    api.call(method, path, { ...options, key: LACKING[operation['x-scope']] ?? '' }),
  invalid_encoding: (documented, example) =>
    documented.path.includes('{')
      ? api.call(documented.method, documented.path.replace(/\{\w+\}/g, '%C3'), example.options)
      : post(Buffer.from([0x22, 0xff, 0x22]))(documented, example),
  invalid_event_name: (documented, example) =>
    documented.path.includes('{eventName}')
      ? api.call(
          documented.method,
          withParameter(documented.path, 'eventName', 'a%20b'),
          example.options,
        )
      : withBody({ eventName: 'a b' })(documented, example),
  reserved_event_name: ({ method }) =>
    api.call(method, '/api/v0/trigger-event/broker.mine', { json: {} }),
  not_found: (documented, example) =>
    documented.path.includes('{id}')
      ? api.call(
          documented.method,
          withParameter(documented.path, 'id', NOBODY[documented.path.split('/')[3] ?? ''] ?? ''),
          example.options,
        )
      : withBody({ filter: { webhookId: NOBODY['webhooks'], missed: true } })(documented, example),
  invalid_request: (documented, example) => {
    const names = documented.operation.parameters.map(({ name }) => name)
    const query = names.includes('page_size') ? '?page_size=0' : '?step=1'
    return documented.operation['requestBody'] === undefined
      ? api.call(documented.method, example.path + query)
      : withBody({ unknown: 1 })(documented, example)
  },
  invalid_json: post('{'),
  payload_too_large: post(JSON.stringify('x'.repeat(300_000))),
  unsupported_media_type: post('{}', { 'content-type': 'text/plain' }),
  invalid_url: withBody({ webhookUrl: 'ftp://example.com/' }),
  forbidden_address: withBody({ webhookUrl: 'http://10.0.0.1/' }),
  invalid_idempotency_key: post('{}', {
    'content-type': 'application/json',
    'idempotency-key': 'x'.repeat(256),
  } as { 'content-type': string }),
  idempotency_key_reused: async ({ method }, { path }) => {
    const headers = { 'idempotency-key': 'once' }
    await api.call(method, path, { json: { n: 1 }, headers })
    return api.call(method, path, { json: { n: 2 }, headers })
  },
  conflict: async ({ method }, { path }) => {
    await api.schema.sql("update webhooks set status = 'disabled'")
    await api.schema.sql("update deliveries set status = 'delivered', finished_at = now()")
    return api.call(method, path)
  },
  delivery_in_flight: async ({ method }, { path }) => {
    await api.schema.sql("update deliveries set lease_until = now() + interval '1 minute'")
    return api.call(method, path)
  },
}

/** By their own tests: log_unavailable below; the rest cannot be brought about by a request alone. */
const ELSEWHERE = new Set(['log_unavailable', 'internal_error', 'queue_unavailable', 'overloaded'])

const documentedErrors = all.flatMap((documented) =>
  Object.entries(documented.operation.responses)
    .filter(([status]) => Number(status) >= 400)
    .flatMap(([status, { description }]) =>
      description.split(', ').map((code) => ({
        ...documented,
        status: Number(status),
        code,
        title: `${code} of ${documented.name}`,
      })),
    )
    .filter(({ code }) => !ELSEWHERE.has(code)),
)

describe('the documented error', () => {
  it.each(documentedErrors)('$title is answered', async (documented) => {
    const provoke = PROVOKE[documented.code]
    if (provoke === undefined) throw new Error(`say how ${documented.code} is brought about`)
    const answer = await provoke(documented, exampleRequest(documented))
    expect([answer.status, answer.json['code']]).toEqual([documented.status, documented.code])
    expect(faultOf(documented.operation, answer)).toBeUndefined()
  })

  it('log_unavailable is answered by every route that needs Postgres while Postgres is away', async () => {
    // Nothing listens on port 1.
    const away = await startApi({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
    try {
      for (const documented of all.filter(({ operation }) => '503' in operation.responses)) {
        const { path, options } = exampleRequest(documented)
        const answer = await away.call(documented.method, path, options)
        expect([documented.name, answer.status, answer.json['code']]).toEqual([
          documented.name,
          503,
          'log_unavailable',
        ])
        expect(answer.headers.get('retry-after')).toBe('1')
      }
    } finally {
      await away.close()
    }
  })
})
