// `npm start`: the whole broker in one process on embedded stores, as a new user runs it.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { answers } from '../../local/services/process.ts'
import { startProcess, type BrokerProcess } from '../support/process.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { makeSchema, randomPrefix } from '../support/schema.ts'
import { waitUntil } from '../support/wait.ts'
import { makeClient, type Client } from './client.ts'
import { urlOf, verify, type Env } from './support.ts'

let dataDir: string
let receiver: Receiver
const processes: BrokerProcess[] = []

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'webhook-broker-start-'))
  receiver = await startReceiver()
})
afterEach(async () => {
  // SIGTERM, so that the embedded Redis ends with its broker.
  await Promise.all(processes.splice(0).map((each) => each.stop()))
  await receiver.close()
  rmSync(dataDir, { recursive: true, force: true })
})

// So that what was in flight when a process died is attempted again in a test's time.
const SHORT_LEASE: Env = {
  BROKER_RETRY_SCHEDULE: Array(50).fill('500ms').join(','),
  BROKER_DELIVERY_TIMEOUT_MS: '1000',
  BROKER_LEASE_MARGIN_MS: '500',
  BROKER_SWEEP_GRACE_MS: '300',
  BROKER_SWEEP_INTERVAL_MS: '250',
}

/** With nothing set but where the data and the port are. */
const start = async (
  env: Env = {},
): Promise<BrokerProcess & { client: Client; readyMs: number }> => {
  const startedMs = performance.now()
  const broker = await startProcess({
    script: 'local/start.ts',
    env: { BROKER_DATA_DIR: dataDir, PORT: '0', ...env },
    readyLine: /^webhook-broker ready on http:\/\/127\.0\.0\.1:\d+$/,
  })
  processes.push(broker)
  const readyMs = performance.now() - startedMs
  return { ...broker, client: makeClient(() => urlOf(broker)), readyMs }
}

const redisPort = (): number => {
  const { port } = JSON.parse(readFileSync(join(dataDir, 'redis', 'server.json'), 'utf8')) as {
    port: number
  }
  return port
}

test('is ready within 20 s, the tour of the README works, and a second process is refused', async () => {
  const { client, lines, pid, readyMs } = await start()
  expect(readyMs).toBeLessThan(20_000)
  expect((await client.request('GET', '/readyz')).status).toBe(200)

  // The first line to paste, word for word.
  const pasted = lines.find((line) => line.startsWith('try: curl -s '))
  expect(pasted).toMatch(
    /^try: curl -s http:\/\/127\.0\.0\.1:\d+\/api\/v0\/webhooks -H 'content-type: application\/json' -d '\{"eventName":"upload_image","webhookUrl":"http:\/\/127\.0\.0\.1:4000\/hook"\}'$/,
  )
  const webhook = await client.register('upload_image', `${receiver.url}/hook`)
  const list = await client.request('GET', '/api/v0/webhooks?page_size=10&offset=0')
  expect(list.json).toMatchObject({
    webhooks: [{ id: webhook.id }],
    total: 1,
    pageSize: 10,
    offset: 0,
    nextOffset: null,
  })
  expect(list.text).not.toContain('whsec_')

  const payload = '{"name":"cat.png","size":12345678901234567890}'
  const { messageId, deliveries } = await client.trigger('upload_image', { body: payload })
  expect(deliveries).toBe(1)
  const [request] = await receiver.waitFor(1)
  expect(request?.body.toString()).toBe(payload)
  verify(webhook.secret, request)
  const [delivered] = await client.untilAll(messageId, 'delivered')
  expect(delivered?.attempts).toMatchObject([{ number: 1, outcome: 'succeeded', statusCode: 200 }])
  const log = await client.request('GET', '/api/v0/deliveries?eventName=upload_image')
  expect(log.json).toMatchObject({
    deliveries: [{ id: delivered?.id, status: 'delivered', attemptCount: 1 }],
  })

  const second = await startProcess({
    script: 'local/start.ts',
    env: { BROKER_DATA_DIR: dataDir, PORT: '0' },
  })
  expect(await second.exited).toEqual({ code: 1, signal: null })
  expect(second.lines).toEqual([
    `conflict: the data folder is in use by process ${pid}; stop it, or set BROKER_DATA_DIR to another folder`,
  ])
  // The first one and its Redis, which the second one once took for an orphan, go on as if nothing had been.
  expect(await answers(redisPort())).toBe(true)
  const after = await client.trigger('upload_image')
  await client.untilAll(after.messageId, 'delivered')
})

test('keeps webhooks, secrets, deliveries and what is still to be sent over SIGTERM, and over kill -9', async () => {
  const first = await start(SHORT_LEASE)
  const webhook = await first.client.register('kept', `${receiver.url}/hook`)
  const before = await first.client.trigger('kept')
  await first.client.untilAll(before.messageId, 'delivered')
  receiver.answer = 500
  const open = await first.client.trigger('kept', { body: '{"n":1}' })
  await receiver.waitFor(2)
  const port = redisPort()
  expect(await first.stop()).toEqual({ code: 0, signal: null })
  // Nothing is left running.
  expect(await answers(port)).toBe(false)

  const second = await start(SHORT_LEASE)
  const listed = await second.client.request('GET', '/api/v0/webhooks/kept')
  expect(listed.json).toMatchObject({
    webhooks: [{ id: webhook.id, webhookUrl: `${receiver.url}/hook` }],
    total: 1,
  })
  expect(await second.client.deliveriesOf(before.messageId)).toMatchObject([
    { status: 'delivered' },
  ])
  const asked = receiver.received.length
  await receiver.waitFor(asked + 1)
  await second.kill9()
  // Its Redis is an orphan now, and holds our files.
  expect(await answers(redisPort())).toBe(true)

  receiver.answer = 200
  const third = await start(SHORT_LEASE)
  const [delivered] = await third.client.untilAll(open.messageId, 'delivered')
  expect(delivered?.webhookId).toBe(webhook.id)
  const last = receiver.received.at(-1)
  expect(last?.body.toString()).toBe('{"n":1}')
  // The secret of the first start, kept encrypted by the key in the data folder.
  verify(webhook.secret, last)
  // Three first looks at an embedded Postgres, on a machine that runs other tests, too.
}, 60_000)

test('uses the Postgres and the Redis that it is given, and says in one line that its port is taken', async () => {
  const schema = await makeSchema(inject('databaseUrl'))
  const port = String(receiver.port)
  const env = {
    BROKER_DATA_DIR: dataDir,
    DATABASE_URL: schema.url,
    REDIS_URL: inject('redisUrl'),
    BROKER_KEY_PREFIX: randomPrefix(),
  }
  const broker = await startProcess({ script: 'local/start.ts', env: { ...env, PORT: port } })
  expect(await broker.exited).toEqual({ code: 1, signal: null })
  expect(broker.lines.filter((line) => !line.startsWith('{'))).toEqual([
    `conflict: port ${port} of 127.0.0.1 is in use; set PORT to another one`,
  ])

  const { client } = await start(env)
  await client.register('given', `${receiver.url}/hook`)
  const { messageId } = await client.trigger('given')
  await client.untilAll(messageId, 'delivered')
  expect(await schema.sql('select event_name, status from deliveries')).toEqual([
    { event_name: 'given', status: 'delivered' },
  ])
  // Of its own it keeps the key of the secrets, and no store.
  expect(readdirSync(dataDir)).toEqual(['secret-key'])
  await Promise.all(processes.splice(0).map((each) => each.stop()))
  await schema.drop()
})

test('without a Redis on the machine it says so, and delivers and retries straight from Postgres', async () => {
  const { client, lines } = await start({
    PATH: dataDir,
    BROKER_NO_INSTALL: '1',
    BROKER_RETRY_SCHEDULE: '200ms,30s',
  })
  expect(lines.find((line) => line.includes('no redis-server found'))).toMatch(
    /going on without Redis, delivering straight from Postgres$/,
  )
  const ready = await client.request('GET', '/readyz')
  expect(ready.status).toBe(200)
  expect(ready.json).toMatchObject({ degraded: ['redis'] })
  receiver.answer = ({ headers }, response) => {
    response.writeHead(headers['webhook-attempt'] === '1' ? 500 : 200).end()
  }
  await client.register('direct', `${receiver.url}/hook`)

  const { messageId, deliveries } = await client.trigger('direct')

  expect(deliveries).toBe(1)
  const [delivered] = await client.untilAll(messageId, 'delivered')
  expect(delivered?.attempts.map(({ statusCode }) => statusCode)).toEqual([500, 200])
  await waitUntil(() => receiver.received.length === 2)
})
