// Replays of many over the API, with a real worker and a real receiver.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KEYS, problemOf, startApi, type TestApi } from '../support/api-kit.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'

let api: TestApi
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
  api = await startApi({ BROKER_RETRY_SCHEDULE: '1d' })
  api.deliver()
})
afterAll(async () => {
  await api.close()
  await receiver.close()
})

let serial = 0
const registerOne = async () => {
  serial += 1
  const eventName = `replays.${serial}`
  const { json } = await api.call('POST', '/api/v0/webhooks', {
    json: { eventName, webhookUrl: `${receiver.url}/${serial}` },
  })
  return { eventName, webhookId: String(json['id']), path: `/${serial}` }
}
const trigger = (eventName: string) =>
  api.call('POST', `/api/v0/trigger-event/${eventName}`, { json: { serial } })
const sentTo = (path: string) => receiver.received.filter(({ url }) => url === path)
const replay = (json: unknown, key: string = KEYS.manage) =>
  api.call('POST', '/api/v0/replays', { json, key })
const read = (id: unknown) => api.call('GET', `/api/v0/replays/${String(id)}`)
const untilSent = (path: string, count: number) =>
  waitUntil(() => sentTo(path).length === count, { message: `${count} requests to ${path}` })

describe('a replay of many', () => {
  it('sends everything that matches again, under the same webhook-id', async () => {
    receiver.answer = 200
    const { eventName, path } = await registerOne()
    for (let n = 0; n < 3; n += 1) await trigger(eventName)
    await untilSent(path, 3)
    const before = sentTo(path).map(({ headers }) => headers['webhook-id'])
    await waitUntil(
      async () => {
        const list = await api.call(
          'GET',
          `/api/v0/deliveries?eventName=${eventName}&status=delivered`,
        )
        return (list.json['deliveries'] as unknown[]).length === 3
      },
      { message: 'three deliveries' },
    )

    const dry = await replay({ filter: { eventName }, dryRun: true })
    expect([dry.status, dry.json]).toEqual([200, { dryRun: true, count: 3 }])

    const started = await replay({ filter: { eventName, status: 'delivered' } })
    expect(started.status).toBe(202)
    expect(started.json).toMatchObject({
      id: expect.stringMatching(/^rpl_[0-9a-z]{26}$/) as string,
      filter: { eventName, status: 'delivered' },
      dryRun: false,
      total: 3,
      replayed: 3,
      skipped: 0,
    })
    await untilSent(path, 6)
    const after = sentTo(path).slice(3)
    expect(after.map(({ headers }) => headers['webhook-id']).sort()).toEqual(before.sort())
    expect(after.map(({ headers }) => headers['webhook-attempt'])).toEqual(['2', '2', '2'])

    const finished = await waitUntil(async () => {
      const { json } = await read(started.json['id'])
      return json['status'] === 'finished' && json
    })
    expect(finished).toMatchObject({ total: 3, replayed: 3, skipped: 0 })
    expect(finished['finishedAt']).toEqual(expect.any(String))
  })

  it('sends a webhook what it missed while it was disabled', async () => {
    receiver.answer = 200
    const { eventName, webhookId, path } = await registerOne()
    const patch = (status: string) =>
      api.call('PATCH', `/api/v0/webhooks/${eventName}/${webhookId}`, { json: { status } })
    await patch('disabled')
    const { json } = await trigger(eventName)
    expect(json['deliveries']).toBe(0)
    const filter = { webhookId, missed: true }
    // It offers the very filter that sends it.
    const enabled = await patch('enabled')
    expect(enabled.json).toMatchObject({ status: 'enabled' })
    expect(enabled.json['missed']).toEqual({ messages: 1, capped: false, filter })
    expect((await replay({ filter, dryRun: true })).json).toEqual({ dryRun: true, count: 1 })
    expect((await replay({ filter })).json).toMatchObject({ total: 1, replayed: 1 })
    await untilSent(path, 1)
    expect(sentTo(path)[0]?.headers['webhook-id']).toBe(json['messageId'])
    // Nothing is left to be offered, and nobody else is told of an offer.
    await patch('disabled')
    expect((await patch('enabled')).json).not.toHaveProperty('missed')
    expect((await patch('enabled')).json).not.toHaveProperty('missed')
    const audit = await api.call('GET', '/api/v0/audit')
    expect(audit.json['balanced']).toBe(true)
  })

  it.each<[string, unknown, string[]]>([
    ['no filter', {}, ['filter']],
    ['a filter without a field', { filter: {} }, ['filter']],
    ['an empty list of ids', { filter: { ids: [] } }, ['filter.ids']],
    ['1,001 ids', { filter: { ids: Array(1_001).fill(`dlv_${'0'.repeat(26)}`) } }, ['filter.ids']],
    ['what is no id', { filter: { ids: ['dlv_1'] } }, ['filter.ids.0']],
    ['an unknown field', { filter: { status: 'dead', all: true } }, ['filter.all']],
    ['an unknown field beside the filter', { filter: { status: 'dead' }, force: 1 }, ['force']],
    ['an unknown status', { filter: { status: 'failed' } }, ['filter.status']],
    ['a time without a zone', { filter: { from: '2026-01-31' } }, ['filter.from']],
    ['missed: false', { filter: { missed: false } }, ['filter.missed']],
    ['missed without a webhook', { filter: { missed: true } }, ['filter.webhookId']],
  ])('with %s is 400 and replays nothing', async (_name, json, fields) => {
    expect(problemOf(await replay(json))).toEqual({ status: 400, code: 'invalid_request', fields })
    expect(await api.schema.sql("select 1 from replays where filter = '{}'")).toEqual([])
  })

  it('needs a key that may manage; reading it needs one that may read, of the same tenant', async () => {
    const { eventName } = await registerOne()
    const json = { filter: { eventName } }
    for (const key of [KEYS.read, KEYS.trigger]) expect((await replay(json, key)).status).toBe(403)
    const { json: started } = await replay(json)
    const path = `/api/v0/replays/${String(started['id'])}`
    expect((await api.call('GET', path, { key: KEYS.read })).status).toBe(200)
    expect((await api.call('GET', path, { key: KEYS.trigger })).status).toBe(403)
    const notFound = { status: 404, code: 'not_found', fields: [] }
    expect(problemOf(await api.call('GET', path, { key: KEYS.other }))).toEqual(notFound)
    expect(problemOf(await read('rpl_1'))).toEqual(notFound)
    expect(
      problemOf(await replay({ filter: { webhookId: `wh_${'0'.repeat(26)}`, missed: true } })),
    ).toEqual(notFound)
  })
})
