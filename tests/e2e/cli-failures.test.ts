// The command line when something is wrong: every exit code, and a sentence that helps.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { KEY, KEYS, startApi, type TestApi } from '../support/api-kit.ts'
import { makeCli, type Cli } from '../support/cli.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'

let api: TestApi
let cli: Cli
let receiver: Receiver

beforeAll(async () => {
  api = await startApi()
  cli = await makeCli({ BROKER_URL: api.url, BROKER_API_KEY: KEY })
})
afterAll(async () => {
  await api.close()
  cli.remove()
})
beforeEach(async () => {
  receiver = await startReceiver()
})
afterEach(() => receiver.close())

describe('a command that fails', () => {
  it.each([
    ['an unknown command', ['lits']],
    ['an unknown option', ['list', '--limits', '3']],
    ['a missing argument', ['register', 'e']],
    ['a limit that is none', ['list', '--limit', '0']],
    ['an unknown status', ['deliveries', '--status', 'lost']],
    ['a time that is none', ['deliveries', '--from', 'yesterday']],
    ['two payloads', ['trigger', 'e', '--data', '1', '--file', 'f']],
    ['a file that is not there', ['trigger', 'e', '--file', '/nowhere/payload.json']],
    ['a header without a colon', ['register', 'e', 'http://a.test/', '--header', 'x']],
  ])('exits 2 for %s, with nothing on standard output', async (_what, args) => {
    const { code, stdout, stderr } = await cli.run(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).not.toBe('')
  })

  it('exits 2 for a BROKER_URL that is none, and names the variable', async () => {
    const { code, stderr } = await cli.run(['list'], { env: { BROKER_URL: 'localhost:3000' } })
    expect(code).toBe(2)
    expect(stderr).toBe(
      'webhook-broker: BROKER_URL must be a URL that begins with http:// or https://\n',
    )
  })

  it('exits 1 for what the broker refuses, and names the fields', async () => {
    const { code, stderr } = await cli.run(['register', 'a/b', 'ftp://a.test/'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^webhook-broker: eventName: an event name has 1 to 128 characters/)
    expect(stderr).toMatch(/\nrequest id req_/)
  })

  it('exits 3 when nobody answers, and says where it looked', async () => {
    const { url } = receiver
    await receiver.close()
    const { code, stderr } = await cli.run(['list'], { env: { BROKER_URL: url } })
    expect(code).toBe(3)
    expect(stderr).toContain(`webhook-broker: no answer from ${url} in 3 tries`)
    expect(stderr).toContain(`is the broker running at ${url}? BROKER_URL says where it is\n`)
    receiver = await startReceiver()
  })

  it('exits 3 when the broker is there and not able to', async () => {
    receiver.answer = 503
    expect((await cli.run(['list'], { env: { BROKER_URL: receiver.url } })).code).toBe(3)
  })

  it('exits 4 without a key, with an unknown one and with one that may not; as JSON it says the code', async () => {
    const withKey = (key: string) => cli.run(['list', '--json'], { env: { BROKER_API_KEY: key } })
    expect((await withKey('')).code).toBe(4)
    const unknown = await withKey('nonsense')
    expect({ code: unknown.code, stdout: unknown.stdout }).toEqual({ code: 4, stdout: '' })
    expect(JSON.parse(unknown.stderr)).toMatchObject({
      error: { code: 'unauthorized', hint: 'BROKER_API_KEY holds the key' },
    })
    const forbidden = await withKey(KEYS.trigger)
    expect(forbidden.code).toBe(4)
    expect(JSON.parse(forbidden.stderr)).toMatchObject({ error: { code: 'forbidden' } })
  })

  it('never prints the key', async () => {
    for (const args of [['list'], ['trigger', 'e/e'], ['show', 'x']]) {
      const { stdout, stderr } = await cli.run(args, { env: { BROKER_API_KEY: 'my-secret-key' } })
      expect(stdout + stderr).not.toContain('my-secret-key')
    }
  })

  it('ends quietly when nobody reads its output any more', async () => {
    const child = spawn(process.execPath, [cli.file, 'list'], {
      env: { BROKER_URL: api.url, BROKER_API_KEY: KEY },
      cwd: tmpdir(),
    })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    expect(await once(child, 'close')).toEqual([0, null])
    expect(stderr).not.toContain('EPIPE')
  })
})

it('deliveries --follow goes on when the broker is away for a while', async () => {
  const page = (status: string) => {
    const delivery = { id: 'dlv_1', status, attemptCount: 1, eventName: 'e', webhookUrl: 'u' }
    const rest = { inFlight: false, waiting: null, deadReason: null }
    return JSON.stringify({ deliveries: [{ ...delivery, ...rest }], nextCursor: null })
  }
  receiver.answer = (_request, response) => {
    const count = receiver.received.length
    response.writeHead(count === 1 || count > 4 ? 200 : 503)
    response.end(page(count === 1 ? 'pending' : 'delivered'))
  }
  const args = ['deliveries', '--follow', '--interval-ms', '100']
  const child = spawn(process.execPath, [cli.file, ...args], {
    env: { BROKER_URL: receiver.url },
    cwd: tmpdir(),
  })
  const said = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()))

  await waitUntil(() => said.out.includes('delivered'))

  expect(said.out).toBe(
    'dlv_1  pending  e -> u  attempts 1\ndlv_1  delivered  e -> u  attempts 1\n',
  )
  expect(said.err).toMatch(/^webhook-broker: .* 503; still looking\n$/)
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  expect(await closed).toEqual([0, null])
})

it('paints nothing where there is no terminal, and shows help with exit code 0', async () => {
  const { stdout } = await cli.run(['deliveries'], { env: { TERM: 'xterm-256color' } })
  expect(stdout).not.toContain('\x1b')
  const help = await cli.run(['--help'])
  expect(help.code).toBe(0)
  expect(help.stdout).toContain('Usage: webhook-broker [options] [command]')
  expect((await cli.run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect((await cli.run([])).code).toBe(2)
})
