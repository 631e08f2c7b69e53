import { describe, expect, test } from 'vitest'
import { makeListWebhooks } from '../../../lib/broker/list-webhooks.ts'
import type { WebhookQuery } from '../../../lib/broker/ports.ts'
import { makeRegisterWebhook } from '../../../lib/broker/register-webhook.ts'
import { makeFakeRoutingTable } from '../../support/fakes/routing-table.ts'
import { codeOf, setUpWebhooks, webhook } from '../../support/webhook-kit.ts'

const input = {
  tenant: 'default',
  eventName: 'upload_image',
  webhookUrl: 'HTTP://127.0.0.1:4000/x/../h#f',
}

describe('registering', () => {
  test('stores the one spelling, shows the secret once and tells the routing table after the commit', async () => {
    const { register, registered, routing } = setUpWebhooks()
    const answer = await register(input)
    expect(answer.secret).toBe('whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=')
    expect(registered).toMatchObject([
      {
        id: 'wh_00000000000000000000000001',
        webhookUrl: 'http://127.0.0.1:4000/h',
        headers: {},
        timeoutMs: null,
        sealedSecret: `plain:${answer.secret ?? ''}`,
      },
    ])
    expect(await routing.lookup('default', 'upload_image')).toEqual({
      version: 1,
      urls: [webhook.webhookUrl],
    })
  })

  test('again shows no secret', async () => {
    const { register } = setUpWebhooks({ change: null })
    expect(await register(input)).toMatchObject({ created: false, secret: null })
  })

  test('takes a secret and settings that are given', async () => {
    const { register, registered } = setUpWebhooks()
    const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`
    await register({
      ...input,
      secret,
      headers: { 'X-A': '1' },
      timeoutMs: 60_000,
      description: 'd',
      rateLimit: { limit: 1, perSeconds: 2 },
      maxInFlight: 3,
    })
    expect(registered).toMatchObject([
      {
        sealedSecret: `plain:${secret}`,
        headers: { 'x-a': '1' },
        timeoutMs: 60_000,
        description: 'd',
        rateLimit: { limit: 1, perSeconds: 2 },
        maxInFlight: 3,
      },
    ])
  })

  test.each([
    [{ eventName: '..' }, 'invalid_event_name'],
    [{ webhookUrl: 'ftp://x/' }, 'invalid_url'],
    [{ webhookUrl: 'http://10.0.0.1/' }, 'forbidden_address'],
    [{ secret: 'whsec_short' }, 'invalid_request'],
    [{ timeoutMs: 0 }, 'invalid_request'],
    [{ timeoutMs: 60_001 }, 'invalid_request'],
    [{ timeoutMs: 1.5 }, 'invalid_request'],
    [{ headers: { host: 'x' } }, 'invalid_request'],
  ])('with %j is refused before anything is written', async (change, code) => {
    const { register, registered } = setUpWebhooks()
    expect(await codeOf(register({ ...input, ...change }))).toBe(code)
    expect(registered).toEqual([])
  })

  test('succeeds although Redis is away; the table stays stale and SQL serves', async () => {
    const { deps, log } = setUpWebhooks()
    const away = {
      ...makeFakeRoutingTable(),
      apply: () => Promise.reject(new Error('ECONNREFUSED')),
    }
    expect(await makeRegisterWebhook({ ...deps, routing: away })(input)).toMatchObject({
      created: true,
    })
    expect(log.of('routing.stale')).toEqual([{ tenant: 'default', version: 1 }])
  })

  test('needs no Redis at all', async () => {
    const { deps, log } = setUpWebhooks()
    await makeRegisterWebhook({ ...deps, routing: undefined })(input)
    expect(log.of('routing.stale')).toEqual([])
  })
})

describe('listing', () => {
  const query: WebhookQuery = { tenant: 'default', pageSize: 50, offset: 0 }

  test('is what the store says', async () => {
    const list = makeListWebhooks(setUpWebhooks().deps)
    expect(await list(query)).toEqual({ webhooks: [webhook], total: 1, nextCursor: null })
    expect((await list({ ...query, eventName: 'upload_image' })).total).toBe(1)
  })

  test('of something that is no event name is refused', async () => {
    expect(
      await codeOf(makeListWebhooks(setUpWebhooks().deps)({ ...query, eventName: 'a b' })),
    ).toBe('invalid_event_name')
  })
})
