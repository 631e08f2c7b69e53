// `serverless offline` as a developer runs it: the tour of the README over HTTP, and a delivery that only the drain on its
// schedule can make. The schedule is a matter of seconds here, which AWS would not take; nothing else differs.

import { resolve } from 'node:path'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { freePort } from '../../local/services/process.ts'
import { verify } from '../e2e/support.ts'
import { copyService } from '../support/function-package.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { makeSchema, randomPrefix, type TestSchema } from '../support/schema.ts'
import { waitUntil } from '../support/wait.ts'

const KEY = 'offline-key-0123456789'
const START_TIMEOUT_MS = 120_000

let schema: TestSchema
let receiver: Receiver
let offline: ChildProcess
let ended: Promise<unknown>
let url: string
let output = ''
beforeAll(async () => {
  schema = await makeSchema(inject('databaseUrl'))
  receiver = await startReceiver()
  const [httpPort, lambdaPort] = [await freePort(), await freePort()]
  const folder = copyService((text) =>
    text
      // The check knows that AWS runs nothing more often than once a minute.
      .replace('configValidationMode: error', 'configValidationMode: off')
      .replace(
        '${self:service}-${self:provider.stage}\n    BROKER_HTTPS',
        `${randomPrefix()}\n    BROKER_HTTPS`,
      ),
  )
  offline = spawn(
    process.execPath,
    [
      resolve('node_modules/.bin/serverless'),
      'offline',
      'start',
      '--stage=offline',
      `--httpPort=${httpPort}`,
      `--lambdaPort=${lambdaPort}`,
      '--param=drainSchedule=cron(*/2 * * * * * *)',
    ],
    {
      cwd: folder,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: folder,
        TEST_RUN_FOLDER: tmpdir(),
        DATABASE_URL: schema.url,
        REDIS_URL: inject('redisUrl'),
        BROKER_API_KEYS: KEY,
        BROKER_SECRET_KEY: Buffer.alloc(32, 3).toString('base64'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  ended = once(offline, 'close')
  for (const stream of [offline.stdout, offline.stderr]) {
    stream?.on('data', (part: Buffer) => (output += part.toString()))
  }
  await waitUntil(() => output.includes('Server ready') || offline.exitCode !== null, {
    timeoutMs: START_TIMEOUT_MS,
    message: 'serverless offline',
  })
  expect(output).toContain('Server ready')
  url = `http://127.0.0.1:${httpPort}`
}, START_TIMEOUT_MS)
afterAll(async () => {
  offline.kill('SIGKILL')
  await ended
  await receiver.close()
  await schema.drop()
})

const call = async (path: string, body?: string) => {
  const response = await fetch(`${url}${path}`, {
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body }),
  })
  const text = await response.text()
  return { status: response.status, json: JSON.parse(text) as Record<string, unknown> }
}

it('serves the tour, and the drain on its schedule delivers', { timeout: 90_000 }, async () => {
  const webhook = { eventName: 'upload_image', webhookUrl: `${receiver.url}/hook` }
  const registered = await call('/api/v0/webhooks', JSON.stringify(webhook))
  expect(registered).toMatchObject({ status: 201, json: webhook })
  expect(await call('/api/v0/webhooks?page_size=10&offset=0')).toMatchObject({
    status: 200,
    json: { webhooks: [{ id: registered.json['id'] }], total: 1, pageSize: 10, nextOffset: null },
  })

  const payload = '{"name":"cat.png","size":12345678901234567890}'
  const triggered = await call('/api/v0/trigger-event/upload_image', payload)
  expect(triggered).toMatchObject({
    status: 202,
    json: { eventName: 'upload_image', deliveries: 1 },
  })
  const [request] = await receiver.waitFor(1, { timeoutMs: 60_000 })
  expect(request?.body.toString()).toBe(payload)
  expect(request?.headers['webhook-id']).toBe(triggered.json['messageId'])
  verify(String(registered.json['secret']), request)

  const log = '/api/v0/deliveries?eventName=upload_image'
  const statusOf = async () => (await call(log)).json['deliveries'] as { status: string }[]
  await waitUntil(async () => (await statusOf())[0]?.status === 'delivered', {
    message: 'the result in the log',
  })
  expect(await call(log)).toMatchObject({
    json: { deliveries: [{ status: 'delivered', attemptCount: 1, eventName: 'upload_image' }] },
  })
  expect((await call('/api/v0/webhooks', 'not json')).status).toBe(400)
  expect((await fetch(`${url}/api/v0/webhooks`)).status).toBe(401)
})
