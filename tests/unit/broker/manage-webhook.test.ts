import { describe, expect, test } from 'vitest'
import { added, codeOf, key, setUpWebhooks, webhook } from '../../support/webhook-kit.ts'

describe('managing', () => {
  test('one that is not there is not found, whatever is asked', async () => {
    const { manage } = setUpWebhooks({ webhook: undefined })
    const asked = [
      manage.find(key),
      manage.change(key, {}),
      manage.remove(key),
      manage.rotateSecret(key),
      manage.test(key),
    ]
    expect(await Promise.all(asked.map(codeOf))).toEqual([
      'not_found',
      'not_found',
      'not_found',
      'not_found',
      'not_found',
    ])
  })

  test('reads it', async () => {
    expect(await setUpWebhooks().manage.find(key)).toBe(webhook)
  })

  test('disabling it by hand is noted, and enabling it clears the reason', async () => {
    const { manage, changes } = setUpWebhooks({ change: null })
    await manage.change(key, { status: 'disabled' })
    await manage.change(key, { status: 'enabled' })
    await manage.change(key, { description: 'd', headers: { 'X-A': '1' } })
    expect(changes).toEqual([
      { status: 'disabled', headers: undefined, disabledReason: 'manual' },
      { status: 'enabled', headers: undefined, disabledReason: null },
      { description: 'd', headers: { 'x-a': '1' } },
    ])
  })

  test('enabling it lets go what waited for it', async () => {
    const { manage, jobs } = setUpWebhooks({
      parked: [
        { deliveryId: 'dlv_1', generation: 1 },
        { deliveryId: 'dlv_2', generation: 4 },
      ],
    })
    await manage.change(key, { status: 'enabled' })
    expect(jobs).toEqual([
      { deliveryId: 'dlv_1', generation: 1, delayMs: 0 },
      { deliveryId: 'dlv_2', generation: 4, delayMs: 0 },
    ])
  })

  test('enabling one that nothing waited for hands nothing over', async () => {
    const { manage, jobs } = setUpWebhooks()
    await manage.change(key, { status: 'enabled' })
    expect(jobs).toEqual([])
  })

  test('enabling it says what it missed, unless that is nothing', async () => {
    const missed = { messages: 3, capped: false }
    const enabling = setUpWebhooks({ missed }).manage.change(key, { status: 'enabled' })
    expect((await enabling).missed).toEqual(missed)
    const atLeast = { messages: 0, capped: true }
    const many = setUpWebhooks({ missed: atLeast }).manage.change(key, { status: 'enabled' })
    expect((await many).missed).toEqual(atLeast)
    const nothing = setUpWebhooks().manage.change(key, { status: 'enabled' })
    expect((await nothing).missed).toBeNull()
    const unchanged = setUpWebhooks({ missed, change: null }).manage.change(key, { headers: {} })
    expect((await unchanged).missed).toBeNull()
  })

  test('enabling it succeeds when nobody can say what it missed', async () => {
    const { manage, log } = setUpWebhooks({ missed: undefined })
    expect((await manage.change(key, { status: 'enabled' })).missed).toBeNull()
    expect(log.of('webhook.missed_unknown')).toMatchObject([{ webhookId: key.id }])
  })

  test('refuses a timeout out of range', async () => {
    const { manage, changes } = setUpWebhooks()
    expect(await codeOf(manage.change(key, { timeoutMs: 99_999 }))).toBe('invalid_request')
    expect(changes).toEqual([])
  })

  test('removing it takes it out of the routing table', async () => {
    const { manage, routing } = setUpWebhooks({
      change: { ...added, op: 'remove', from: 1, to: 2 },
    })
    await routing.apply(added)
    await manage.remove(key)
    expect(await routing.lookup('default', 'upload_image')).toEqual({ version: 2, urls: [] })
  })

  test('rotating shows the new secret once', async () => {
    const { manage, sealed } = setUpWebhooks()
    const { secret } = await manage.rotateSecret(key)
    expect(secret).toBe('whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=')
    expect(sealed).toEqual([`plain:${secret}`])
  })

  test('a test event goes to this webhook only', async () => {
    const { manage, accepts, jobs } = setUpWebhooks()
    expect(await manage.test(key)).toEqual({
      messageId: 'msg_00000000000000000000000001',
      eventName: 'upload_image',
      deliveries: 1,
    })
    expect(accepts).toMatchObject([{ onlyWebhookId: 'wh_1', route: undefined }])
    expect(Buffer.from(accepts[0]?.payload ?? []).toString()).toBe(
      '{"test":true,"eventName":"upload_image","webhookId":"wh_1"}',
    )
    expect(jobs).toEqual([{ deliveryId: 'dlv_t', generation: 0, delayMs: 0 }])
  })

  test('a disabled webhook is not sent a test event', async () => {
    const { manage, accepts } = setUpWebhooks({ webhook: { ...webhook, status: 'disabled' } })
    expect(await codeOf(manage.test(key))).toBe('conflict')
    expect(accepts).toEqual([])
  })
})
