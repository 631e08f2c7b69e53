// O-SEC-3: lists returned signing secrets, log rows kept signatures, log lines kept tokens, errors named internal
// addresses. Three tokens go in; every answer, line and row is searched for them, after attempts that failed in each way.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { freePort } from '../../local/services/process.ts'
import { KEY, startApi, type Answer, type TestApi } from '../support/api-kit.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'

const TOKEN_1 = 'TOKENONE'
const TOKEN_2 = 'TOKENTWO'
const TOKEN_3 = `whsec_${Buffer.from('TOKEN-THREE-TOKEN-THREE-').toString('base64')}`
const BARE_3 = TOKEN_3.replace('whsec_', '')
const HEADER_TOKEN = 'TOKENFOUR'

let api: TestApi
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
  api = await startApi({ BROKER_RETRY_SCHEDULE: '10ms' })
  api.deliver()
})
afterAll(async () => {
  await api.close()
  await receiver.close()
})

const register = (eventName: string, origin: string): Promise<Answer> =>
  api.call('POST', '/api/v0/webhooks', {
    json: {
      eventName,
      webhookUrl: `${origin}/hook/${TOKEN_1}?key=${TOKEN_2}`,
      secret: TOKEN_3,
      timeoutMs: 200,
    },
  })

/** Every row of every table, as text. */
const allRows = async (): Promise<string> => {
  const tables = await api.schema.sql<{ name: string }>(
    'select table_name as name from information_schema.tables where table_schema = current_schema()',
  )
  const rows = await Promise.all(
    tables.map(({ name }) => api.schema.sql(`select t::text from "${name}" t`)),
  )
  return JSON.stringify(rows)
}

/** Every answer that has to do with one webhook whose deliveries end as `code`. */
const collect = async (eventName: string, origin: string, code: string): Promise<string> => {
  const created = await register(eventName, origin)
  expect([created.status, created.text.split(TOKEN_3).length]).toEqual([201, 2])
  const path = `/api/v0/webhooks/${eventName}/${String(created.json['id'])}`
  const triggered = await api.call('POST', `/api/v0/trigger-event/${eventName}`)
  const list = () => api.call('GET', `/api/v0/deliveries?eventName=${eventName}`)
  const id = await waitUntil(
    async () => {
      const [delivery] = (await list()).json['deliveries'] as { id: string; status: string }[]
      return delivery?.status === 'dead' && delivery.id
    },
    { message: `${eventName} dead` },
  )
  const log = await api.call('GET', `/api/v0/deliveries/${id}`)
  expect((log.json['attempts'] as { code: string }[]).map((attempt) => attempt.code)).toEqual([
    code,
    code,
  ])
  const answers = [
    triggered,
    log,
    await list(),
    await register(eventName, origin),
    await api.call('GET', '/api/v0/webhooks?page_size=200'),
    await api.call('GET', `/api/v0/webhooks/${eventName}`),
    await api.call('GET', path),
    await api.call('PATCH', path, { json: { description: 'x' } }),
    await api.call('POST', `${path}/test`),
    await api.call('GET', `/api/v0/messages/${String(triggered.json['messageId'])}`),
    await api.call('GET', '/api/v0/audit'),
    await api.call('GET', '/metrics'),
    await api.call('POST', '/api/v0/webhooks', { json: { secret: TOKEN_3 } }),
    await api.call('POST', `/api/v0/deliveries/${id}/replay`),
    await api.call('POST', `${path}/rotate-secret`),
    await api.call('GET', path),
  ]
  return answers.map(({ text }) => text).join('\n')
}

describe('three tokens', () => {
  it('appear where they must, and nowhere else, whatever becomes of the attempts', async () => {
    receiver.answer = (request, response) => {
      if (request.url.startsWith('/slow')) return
      response.writeHead(500, {
        'set-cookie': `s=${HEADER_TOKEN}`,
        'x-api-key': HEADER_TOKEN,
        'x-control': 'kept',
      })
      response.end('no')
    }
    const nobody = `http://127.0.0.1:${await freePort()}`
    const texts = [
      await collect('tokens.refused', nobody, 'refused'),
      await collect('tokens.timeout', `${receiver.url}/slow`, 'timeout'),
      await collect('tokens.500', receiver.url, 'http_status'),
    ].join('\n')
    const { hostname, port } = new URL(api.url)
    const connections = [inject('databaseUrl'), inject('redisUrl'), api.schema.url]

    // The control: the URL is the caller's own and is shown in full.
    expect(texts).toContain(`/hook/${TOKEN_1}?key=${TOKEN_2}`)
    const secrets = [BARE_3, KEY, HEADER_TOKEN, 'v1,', `${hostname}:${port}`, ...connections]
    for (const secret of secrets) expect([secret, texts.includes(secret)]).toEqual([secret, false])

    const log = api.logLines.join('')
    for (const event of ['webhook.registered', 'attempt.finished', 'delivery.dead']) {
      expect(log).toContain(event)
    }
    for (const secret of [TOKEN_2, BARE_3, KEY, HEADER_TOKEN, 'whsec_', 'v1,', ...connections]) {
      expect([secret, log.includes(secret)]).toEqual([secret, false])
    }

    const rows = await allRows()
    // The controls: the URL, and a header of the answer that is no secret.
    for (const kept of [`/hook/${TOKEN_1}?key=${TOKEN_2}`, 'x-control']) {
      expect([kept, rows.includes(kept)]).toEqual([kept, true])
    }
    for (const secret of [BARE_3, 'whsec_', 'plain:', KEY, HEADER_TOKEN, 'v1,']) {
      expect([secret, rows.includes(secret)]).toEqual([secret, false])
    }
  })

  it('of which the secret did sign what was sent, and no header of ours carried it or the key', () => {
    const requests = receiver.received.filter(({ url }) => url.startsWith(`/hook/${TOKEN_1}`))
    expect(requests.length).toBeGreaterThan(1)
    for (const { headers } of requests) {
      expect(headers['webhook-signature']).toMatch(/^v1,[A-Za-z0-9+/]{43}=/)
      const text = JSON.stringify(headers)
      for (const secret of [BARE_3, KEY]) expect(text).not.toContain(secret)
    }
  })
})
