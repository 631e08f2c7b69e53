// `webhook-broker listen` and `trigger` against `npm start`, as the README shows: every process is a real one.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startProcess, type BrokerProcess } from '../support/process.ts'
import { startReceiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'
import { makeClient, type Client } from './client.ts'
import { urlOf } from './support.ts'

let dataDir: string
let broker: BrokerProcess
let client: Client
let env: Record<string, string>
const processes: BrokerProcess[] = []

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'webhook-broker-listen-'))
  broker = await startProcess({
    script: 'local/start.ts',
    env: { BROKER_DATA_DIR: dataDir, PORT: '0', BROKER_RETRY_SCHEDULE: '200ms,1h' },
    readyLine: /^webhook-broker ready on http:/,
  })
  client = makeClient(() => urlOf(broker))
  env = { BROKER_URL: urlOf(broker) }
})
afterAll(async () => {
  await broker.stop()
  rmSync(dataDir, { recursive: true, force: true })
})
afterEach(async () => {
  await Promise.all(processes.splice(0).map((each) => each.kill9()))
})

const start = async (...args: string[]): Promise<BrokerProcess> => {
  // As `npx webhook-broker` starts it in a clone.
  const started = await startProcess({ script: 'cli/bin.js', args, env })
  processes.push(started)
  return started
}

const LISTENING =
  /^listening on http:\/\/127\.0\.0\.1:\d+ for "[\w.]+" as wh_\w{26}; ctrl-C removes it$/

const listen = async (...args: string[]): Promise<BrokerProcess> => {
  const listener = await start('listen', ...args)
  await listener.waitForLine(LISTENING)
  return listener
}

const registered = async (eventName: string): Promise<unknown> =>
  (await client.request('GET', `/api/v0/webhooks/${eventName}`)).json['total']

test('an event that is triggered is printed and verified, and ctrl-C removes the registration', async () => {
  const listener = await listen('upload_image')

  const trigger = await start(
    'trigger',
    'upload_image',
    '--data',
    '{"name":"cat.png","size":12345}',
  )
  expect(await trigger.exited).toEqual({ code: 0, signal: null })
  expect(trigger.lines).toEqual([expect.stringMatching(/^accepted: msg_\w{26} {2}1 delivery$/)])

  await listener.waitForLine(/^ {2}body /)
  const messageId = trigger.lines[0]?.split(' ')[1] ?? ''
  const first = listener.lines.findIndex((line) => / -> \d+$/.test(line))
  expect(listener.lines[first]).toMatch(/^\S+Z POST \/[0-9a-f-]{36} -> 200$/)
  expect(listener.lines.slice(first + 1)).toEqual([
    `  webhook-id  ${messageId}`,
    '  event       upload_image, attempt 1',
    '  signature   valid',
    '  body        {"name":"cat.png","size":12345}',
  ])
  await client.untilAll(messageId, 'delivered')

  expect(await registered('upload_image')).toBe(1)
  expect(await listener.stop('SIGINT')).toEqual({ code: 0, signal: null })
  expect(listener.lines.at(-1)).toMatch(/^removed wh_\w{26}$/)
  expect(await registered('upload_image')).toBe(0)
})

test('it answers as it is told, sees the next attempt, and says what it sees as JSON, one object a line', async () => {
  const listener = await start('listen', 'chosen', '--status', '503', '--json')
  const opening = await listener.waitForLine(/"kind":"listening"/)
  const { webhookId } = JSON.parse(opening) as { webhookId: string }

  const { messageId } = await client.trigger('chosen', { body: '{"n":1}' })

  await listener.waitForLine(/"attempt":2/)
  const received = listener.lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ kind }) => kind === 'received')
  expect(received).toMatchObject([
    {
      status: 503,
      signature: 'valid',
      messageId,
      eventName: 'chosen',
      attempt: 1,
      body: '{"n":1}',
    },
    {
      status: 503,
      signature: 'valid',
      messageId,
      eventName: 'chosen',
      attempt: 2,
      body: '{"n":1}',
    },
  ])
  expect(await listener.stop('SIGTERM')).toEqual({ code: 0, signal: null })
  expect(JSON.parse(listener.lines.at(-1) ?? '')).toEqual({ kind: 'removed', webhookId })
  const [cancelled] = await client.untilAll(messageId, 'cancelled')
  expect(cancelled?.attemptCount).toBe(2)
})

test('it refuses what is not signed by the broker, and does not know other paths', async () => {
  const listener = await listen('forged')
  const { json } = await client.request('GET', '/api/v0/webhooks/forged')
  const [{ webhookUrl, description } = { webhookUrl: '', description: '' }] = json['webhooks'] as {
    webhookUrl: string
    description: string
  }[]
  expect(description).toMatch(/^webhook-broker listen on .+, process \d+$/)

  expect((await fetch(new URL('/other', webhookUrl), { method: 'POST', body: '{}' })).status).toBe(
    404,
  )
  const forged = await fetch(webhookUrl, { method: 'POST', body: '{"n":\x1b[31m1}' })
  expect(forged.status).toBe(401)

  await listener.waitForLine(/^ {2}body /)
  expect(listener.lines.slice(-2)).toEqual([
    '  signature   NOT VALID: no webhook-id, webhook-timestamp, webhook-signature, webhook-event, webhook-delivery-id, webhook-attempt',
    '  body        {"n":\\u001b[31m1}',
  ])
})

test('it registers the URL of a tunnel instead of its own when it is given one', async () => {
  // The tunnel: it hands on what it gets.
  let inner = ''
  const tunnel = await startReceiver({
    answer: ({ url, headers, body }, response) => {
      const signed = Object.entries(headers).filter(([name]) => name.startsWith('webhook-'))
      const init = {
        method: 'POST',
        body: new Uint8Array(body),
        headers: Object.fromEntries(signed),
      }
      void fetch(inner + url, init as RequestInit).then(({ status }) =>
        response.writeHead(status).end(),
      )
    },
  })
  const listener = await listen('tunnel', '--url', `${tunnel.url}/in/`)
  inner = /http:\S+/.exec(listener.lines.find((line) => LISTENING.test(line)) ?? '')?.[0] ?? ''
  const { messageId } = await client.trigger('tunnel')

  await client.untilAll(messageId, 'delivered')
  expect(tunnel.received[0]?.url).toMatch(/^\/in\/[0-9a-f-]{36}$/)
  expect(listener.lines.at(-2)).toBe('  signature   valid')
  await listener.stop('SIGINT')
  await tunnel.close()
})

test('it removes its registration when nobody reads its output any more', async () => {
  const child = spawn(process.execPath, ['cli/bin.js', 'listen', 'piped'], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  for await (const line of createInterface({ input: child.stdout })) if (LISTENING.test(line)) break
  child.stdout.destroy()
  const closed = once(child, 'close')
  expect(await registered('piped')).toBe(1)

  await client.trigger('piped')

  expect(await closed).toEqual([0, null])
  await waitUntil(async () => (await registered('piped')) === 0)
})

test('says in one line that its port is taken or its URL is none, and leaves nothing registered', async () => {
  const taken = await startReceiver()
  const onTaken = await start('listen', 'nothing', '--port', String(taken.port))
  expect(await onTaken.exited).toEqual({ code: 2, signal: null })
  expect(onTaken.lines).toEqual([
    `webhook-broker: port ${taken.port} is in use; choose another one with --port`,
  ])
  await taken.close()
  const noUrl = await start('listen', 'nothing', '--url', 'example.com')
  expect(await noUrl.exited).toEqual({ code: 2, signal: null })
  expect(await registered('nothing')).toBe(0)
})

test('says how to remove its registration when the broker is gone by then, with exit code 3', async () => {
  const fake = await startReceiver({
    answer: (_request, response) =>
      response
        .writeHead(201, { 'content-type': 'application/json' })
        .end(JSON.stringify({ id: 'wh_01k9m6tqwd8f3v4e0s5n2x7abc', secret: 'whsec_' })),
  })
  const listener = await startProcess({
    script: 'cli/bin.js',
    args: ['listen', 'left'],
    env: { BROKER_URL: fake.url },
    readyLine: LISTENING,
  })
  processes.push(listener)
  await fake.close()

  expect(await listener.stop('SIGINT')).toEqual({ code: 3, signal: null })
  expect(listener.lines).toContain(
    'not removed: webhook-broker remove left wh_01k9m6tqwd8f3v4e0s5n2x7abc',
  )
})
