// `npm run listen`: the receiver to try things with, as a process of its own, over real sockets.

import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { startProcess, type BrokerProcess } from '../support/process.ts'
import { startReceiver } from '../support/receiver.ts'

// 24 bytes, the shortest that Standard Webhooks allows.
const KEY = 'correct horse battery st'
const SECRET = 'whsec_Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0'

const processes: BrokerProcess[] = []
afterEach(async () => {
  await Promise.all(processes.splice(0).map((each) => each.kill9()))
})

const start = async (...args: string[]): Promise<BrokerProcess> => {
  const listener = await startProcess({ script: 'local/listen.ts', args })
  processes.push(listener)
  return listener
}

const startReady = async (...args: string[]): Promise<BrokerProcess & { url: string }> => {
  const listener = await start('--port', '0', ...args)
  const line = await listener.waitForLine(/^listening on http:\/\/127\.0\.0\.1:\d+$/)
  return { ...listener, url: line.replace('listening on ', '') }
}

/** A delivery as the broker sends it. @param signedBody what the signature is made over */
const deliver = (url: string, body: string, signedBody = body): Promise<Response> => {
  const timestamp = String(Math.floor(Date.now() / 1_000))
  const mac = createHmac('sha256', KEY).update(`msg_1.${timestamp}.${signedBody}`).digest('base64')
  return fetch(`${url}/hook?a=1`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': 'msg_1',
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${mac}`,
      'webhook-event': 'upload_image',
      'webhook-attempt': '3',
    },
  })
}

/** The lines of the first block, without the time that opens it. */
const blockOf = async (listener: BrokerProcess): Promise<string[]> => {
  await listener.waitForLine(/^ {2}body /)
  const first = listener.lines.findIndex((line) => / -> \d+$/.test(line))
  return listener.lines
    .slice(first, first + 5)
    .map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /, ''))
}

test('prints one readable block for a request, says that its signature is valid, and answers 200', async () => {
  const listener = await startReady('--secret', SECRET)

  const response = await deliver(listener.url, '{"name":"Katze 🐈","size":12345678901234567890}')

  expect(response.status).toBe(200)
  expect(await blockOf(listener)).toEqual([
    'POST /hook?a=1 -> 200',
    '  webhook-id  msg_1',
    '  event       upload_image, attempt 3',
    '  signature   valid',
    '  body        {"name":"Katze 🐈","size":12345678901234567890}',
  ])
})

test('says that a signature is not valid when one byte of the body was changed on the way', async () => {
  const listener = await startReady('--secret', SECRET)

  const response = await deliver(listener.url, '{"n":2}', '{"n":1}')

  expect(response.status).toBe(200)
  expect((await blockOf(listener))[3]).toBe('  signature   NOT VALID: No matching signature found')
})

test('says that a request of somebody else is not signed, and prints it all the same', async () => {
  const listener = await startReady('--secret', SECRET)

  await fetch(`${listener.url}/`, { method: 'POST', body: 'hello' })

  expect(await blockOf(listener)).toEqual([
    'POST / -> 200',
    '  webhook-id  (none)',
    '  event       (none), attempt ?',
    '  signature   NOT VALID: Missing required headers',
    '  body        hello',
  ])
})

test('answers the chosen status, and without a secret says that it checked nothing', async () => {
  const listener = await startReady('--status', '500')

  const response = await deliver(listener.url, '{}')

  expect(response.status).toBe(500)
  expect(await blockOf(listener)).toEqual([
    'POST /hook?a=1 -> 500',
    '  webhook-id  msg_1',
    '  event       upload_image, attempt 3',
    '  signature   not checked (give --secret to check it)',
    '  body        {}',
  ])
})

// A rejected read that nobody caught would have ended the process.
test('outlives a sender that goes away in the middle of its body', async () => {
  const listener = await startReady()
  const socket = connect(Number(new URL(listener.url).port), '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf', () =>
    socket.destroy(),
  )

  await listener.waitForLine(/ broken off: ECONNRESET: aborted$/)

  const response = await deliver(listener.url, '{}')
  expect(response.status).toBe(200)
})

test.each(['SIGINT', 'SIGTERM'] as const)(
  'exits 0 on %s, with a connection open',
  async (signal) => {
    const listener = await startReady()
    // fetch keeps the connection of its answer open.
    await deliver(listener.url, '{}')

    expect(await listener.stop(signal)).toEqual({ code: 0, signal: null })
  },
)

test('says in one line that its port is taken', async () => {
  const taken = await startReceiver()
  const listener = await start('--port', String(taken.port))

  expect(await listener.exited).toEqual({ code: 1, signal: null })
  expect(listener.lines).toEqual([
    `conflict: port ${taken.port} is in use; choose another one with --port`,
  ])
  await taken.close()
})

test.each([
  [
    ['--secret', 'whsec_c2hvcnQ='],
    'invalid_request: --secret is not usable: a secret is whsec_ followed by the base64 of 24 to 64 bytes',
  ],
  [['--port', '70000'], 'invalid_request: --port must be a whole number from 0 to 65535'],
  [['--status', 'teapot'], 'invalid_request: --status must be a whole number from 200 to 599'],
  [['--prot', '4000'], "ERR_PARSE_ARGS_UNKNOWN_OPTION: Unknown option '--prot'"],
])('refuses %j in one line', async (args, line) => {
  const listener = await start(...args)

  expect(await listener.exited).toEqual({ code: 1, signal: null })
  expect(listener.lines).toEqual([line])
})
