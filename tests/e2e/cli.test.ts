// The command line against the real broker: every command as text and as JSON.
// Over 250 lines because broker, receiver and command line are set up once.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { KEY, startApi, type TestApi } from '../support/api-kit.ts'
import { makeCli, type Cli, type CliOptions } from '../support/cli.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'

const ID = /[0-9a-hjkmnp-tv-z]{26}/
const AT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/

let api: TestApi
let cli: Cli
let receiver: Receiver
let folder: string

beforeAll(async () => {
  api = await startApi({ BROKER_RETRY_SCHEDULE: '1h', BROKER_RETRY_JITTER: '0' })
  api.deliver()
  cli = await makeCli({ BROKER_URL: api.url, BROKER_API_KEY: KEY })
  folder = mkdtempSync(join(tmpdir(), 'webhook-broker-cli-'))
})
afterAll(async () => {
  await api.close()
  cli.remove()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  receiver = await startReceiver()
})
afterEach(() => receiver.close())

const json = async (args: readonly string[], options?: CliOptions) => {
  const { code, stdout, stderr } = await cli.run([...args, '--json'], options)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Record<string, unknown>
}

/** Ids and times as what they are. */
const generic = (text: string): string =>
  text
    .replaceAll(new RegExp(`_${ID.source}`, 'g'), '_…')
    .replaceAll(new RegExp(AT.source, 'g'), '<time>')
    .replaceAll(receiver.url, '<receiver>')
    .replaceAll(/whsec_\S+/g, 'whsec_…')

const register = async (eventName: string): Promise<string> =>
  String((await json(['register', eventName, `${receiver.url}/hook`]))['id'])

/** The one delivery of an event, as soon as it has had an attempt. */
const attempted = (eventName: string) =>
  waitUntil(async () => {
    const { json: page } = await api.call('GET', `/api/v0/deliveries?eventName=${eventName}`)
    const [delivery] = page['deliveries'] as { id: string; messageId: string; status: string }[]
    return delivery?.status === 'pending' ? undefined : delivery
  })

describe('register, list and remove', () => {
  it('register says the id and, this once, the secret; again it says that it was there', async () => {
    const url = `${receiver.url}/hook`
    const first = await cli.run(['register', 'cli.text', url, '--description', 'thumbnails'])
    expect({ ...first, stdout: generic(first.stdout) }).toEqual({
      code: 0,
      stdout: 'registered: wh_…  cli.text -> <receiver>/hook\nsecret: whsec_…\n',
      stderr: 'The secret is shown this once. The receiver needs it to verify signatures.\n',
    })
    const again = await cli.run(['register', 'cli.text', url])
    expect({ ...again, stdout: generic(again.stdout) }).toEqual({
      code: 0,
      stdout: 'was registered before: wh_…  cli.text -> <receiver>/hook\n',
      stderr: '',
    })
  })

  it('register passes on every setting', async () => {
    const settings = ['--header', 'x-team: media', '--header', 'x-a:b', '--timeout-ms', '5000']
    const limits = ['--rate-limit', '100/60', '--max-in-flight', '3', '--description', 'd']
    expect(
      await json(['register', 'cli.settings', `${receiver.url}/`, ...settings, ...limits]),
    ).toMatchObject({
      headers: { 'x-team': 'media', 'x-a': 'b' },
      timeoutMs: 5000,
      rateLimit: { limit: 100, perSeconds: 60 },
      maxInFlight: 3,
      description: 'd',
    })
  })

  it('list shows a table, pages by limit and cursor, and says where it goes on', async () => {
    for (const path of ['a', 'b', 'c']) {
      await json(['register', 'cli.list', `${receiver.url}/${path}`])
    }
    const first = await cli.run(['list', 'cli.list', '--limit', '2'])
    expect(generic(first.stdout)).toBe(
      'ID                             EVENT     STATUS   URL\n' +
        'wh_…  cli.list  enabled  <receiver>/a\n' +
        'wh_…  cli.list  enabled  <receiver>/b\n',
    )
    const cursor = /^2 of 3\nmore: --cursor (\S+)\n$/.exec(first.stderr)?.[1] ?? ''
    const second = await json(['list', 'cli.list', '--cursor', cursor])
    expect(second).toMatchObject({ webhooks: [{ webhookUrl: `${receiver.url}/c` }], total: 3 })
    expect((await json(['list', '--limit', '1', '--offset', '1']))['pageSize']).toBe(1)
  })

  it('remove removes; the second time there is no such webhook', async () => {
    const id = await register('cli.remove')
    expect(await cli.run(['remove', 'cli.remove', id])).toEqual({
      code: 0,
      stdout: `removed: ${id}\n`,
      stderr: '',
    })
    const again = await cli.run(['remove', 'cli.remove', id])
    expect(again.code).toBe(5)
    expect((await json(['list', 'cli.remove']))['total']).toBe(0)
    expect(await json(['remove', 'cli.remove', await register('cli.remove')])).toMatchObject({
      removed: expect.stringMatching(/^wh_/) as string,
    })
  })
})

describe('trigger', () => {
  it('sends its payload byte for byte, from an option, a file and standard input', async () => {
    await register('cli.trigger')
    const payload = '{ "name": "Katze 🐈", "size": 12345678901234567890 }\n'
    const file = join(folder, 'payload.json')
    writeFileSync(file, payload)

    const fromOption = await cli.run(['trigger', 'cli.trigger', '--data', payload])
    expect(generic(fromOption.stdout)).toBe('accepted: msg_…  1 delivery\n')
    await json(['trigger', 'cli.trigger', '--file', file])
    await json(['trigger', 'cli.trigger', '--file', '-'], { input: payload })
    await json(['trigger', 'cli.trigger'])

    const bodies = (await receiver.waitFor(4)).map(({ body }) => body.toString())
    expect(bodies.sort()).toEqual([payload, payload, payload, '{}'])
  })

  it('leaves standard input alone unless it is asked for: a loop that reads lines keeps its lines', async () => {
    const { stdout } = await cli.run(['trigger', 'cli.nobody', '--json'], { input: 'not json' })
    expect(JSON.parse(stdout)).toMatchObject({ eventName: 'cli.nobody', deliveries: 0 })
  })

  it('says that nobody is registered, as a remark', async () => {
    const { code, stdout, stderr } = await cli.run(['trigger', 'cli.nobody'])
    expect({ code, stdout: generic(stdout), stderr }).toEqual({
      code: 0,
      stdout: 'accepted: msg_…  0 deliveries\n',
      stderr:
        'no enabled webhook is registered for "cli.nobody"; the message is kept and delivered to nobody\n',
    })
  })

  it('gets the first answer again with the same key', async () => {
    const args = ['trigger', 'cli.nobody', '--idempotency-key', 'order-19']
    const first = await json(args)
    expect((await json(args))['messageId']).toBe(first['messageId'])
    const other = await cli.run([...args, '--data', '1'])
    expect(other.code).toBe(1)
    expect(other.stderr).toContain('webhook-broker: ')
  })
})

describe('deliveries and show', () => {
  it('deliveries shows status, attempts and why it waits; --status filters; JSON is the page of the API', async () => {
    receiver.answer = 503
    await register('cli.log')
    await json(['trigger', 'cli.log'])
    const { id } = await attempted('cli.log')

    const text = await cli.run(['deliveries', '--event', 'cli.log'])
    expect(text.stderr).toBe('')
    const [head = '', row = ''] = text.stdout.split('\n')
    expect(head).toMatch(/^ID +STATUS +EVENT +ATTEMPTS +CREATED +URL +WAITING$/)
    expect(row.split(/ {2,}/)).toEqual([
      id,
      'retrying',
      'cli.log',
      '1',
      expect.stringMatching(AT),
      `${receiver.url}/hook`,
      expect.stringMatching(/^backoff until \d{4}-/),
    ])
    const page = await json(['deliveries', '--event', 'cli.log', '--status', 'retrying'])
    expect(page).toMatchObject({ deliveries: [{ id, status: 'retrying' }], nextCursor: null })
    expect(await json(['deliveries', '--event', 'cli.log', '--status', 'dead'])).toMatchObject({
      deliveries: [],
    })
    const [from, to] = [
      ['--from', '1h'],
      ['--to', '1h'],
    ]
    expect(await json(['deliveries', '--event', 'cli.log', ...to])).toMatchObject({
      deliveries: [],
    })
    expect(await json(['deliveries', '--event', 'cli.log', ...from])).toEqual(page)
  })

  it('show tells a delivery with its attempts, a message and a webhook by the form of the id', async () => {
    // What a receiver says must not be able to play with the terminal.
    receiver.answer = (_request, response) => response.writeHead(503).end('\x1b[31mbusy\x07')
    const webhookId = await register('cli.show')
    await json(['trigger', 'cli.show', '--data', '{"n":1}'])
    const { id, messageId } = await attempted('cli.show')

    const delivery = await cli.run(['show', id])
    const lines = delivery.stdout.split('\n')
    expect(lines[0]).toBe(`delivery   ${id}`)
    expect(lines[1]).toBe('status     retrying')
    expect(lines[10]).toMatch(/^# {2}SERIES {2}STARTED +OUTCOME {2}CODE +STATUS {2}TOOK$/)
    expect(lines[11]?.split(/ {2,}/).slice(3, 6)).toEqual(['failed', 'http_status', '503'])
    expect(lines[12]).toBe('attempt 1: \\u001b[31mbusy\\u0007')
    expect(await json(['show', id])).toMatchObject({ id, attempts: [{ number: 1 }] })

    const message = await cli.run(['show', messageId])
    expect(message.stdout).toContain('payload  {"n":1}\n')
    expect(message.stdout).toContain(id)
    expect(await json(['show', messageId])).toMatchObject({ payload: '{"n":1}' })

    const webhook = await cli.run(['show', webhookId])
    expect(webhook.stdout).toContain('eventName       cli.show\n')
    expect(await json(['show', webhookId])).toMatchObject({ id: webhookId })
  })

  it('show says that there is none, with exit code 5, and that an id of no known form is a mistake of the call', async () => {
    for (const prefix of ['dlv', 'msg', 'wh']) {
      const { code, stderr } = await cli.run(['show', `${prefix}_${'0'.repeat(26)}`])
      expect(code).toBe(5)
      expect(stderr).toMatch(/^webhook-broker: there is no (such|webhook)/)
    }
    expect((await cli.run(['show', 'job_1'])).code).toBe(2)
  })

  it('deliveries --follow prints what was there, what comes and what changes, until it is stopped', async () => {
    await register('cli.follow')
    await json(['trigger', 'cli.follow'])
    await receiver.waitFor(1)
    const args = ['deliveries', '--follow', '--event', 'cli.follow', '--interval-ms', '100']
    const child = spawn(process.execPath, [cli.file, ...args, '--json'], {
      env: { BROKER_URL: api.url, BROKER_API_KEY: KEY },
      cwd: tmpdir(),
    })
    const seen = { text: '' }
    child.stdout.on('data', (chunk: Buffer) => (seen.text += chunk.toString()))
    const statuses = (messageId: unknown) =>
      seen.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as { messageId: string; status: string })
        .filter((delivery) => delivery.messageId === messageId)
        .map(({ status }) => status)
    await waitUntil(() => seen.text.includes('\n'))

    receiver.answer = 503
    const later = await json(['trigger', 'cli.follow'])
    await waitUntil(() => statuses(later['messageId']).includes('retrying'))
    const { json: page } = await api.call(
      'GET',
      '/api/v0/deliveries?status=retrying&eventName=cli.follow',
    )
    const [open] = page['deliveries'] as { id: string }[]
    await api.call('POST', `/api/v0/deliveries/${open?.id ?? ''}/cancel`)
    await waitUntil(() => statuses(later['messageId']).at(-1) === 'cancelled')

    const closed = once(child, 'close')
    child.kill('SIGINT')
    expect(await closed).toEqual([0, null])
    // Each state once.
    const all = seen.text.split('\n').filter((line) => line !== '')
    expect(new Set(all).size).toBe(all.length)
  })
})
