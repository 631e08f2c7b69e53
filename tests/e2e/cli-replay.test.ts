// `webhook-broker replay` against the broker as it is run in containers: one delivery, several, all of a filter.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { makeCli, type Cli, type CliResult } from '../support/cli.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { startBroker, urlOf, type Broker } from './support.ts'

let broker: Broker
let cli: Cli
let receiver: Receiver

beforeAll(async () => {
  // Two attempts, and it is dead; no breaker, which would park the others.
  const env = { BROKER_RETRY_SCHEDULE: '1ms', BROKER_BREAKER_FAILURES: '0' }
  broker = await startBroker({ env })
  cli = await makeCli({ BROKER_URL: urlOf(broker.api) })
})
afterAll(async () => {
  await broker.stop()
  cli.remove()
})
beforeEach(async () => {
  receiver = await startReceiver({ answer: 503 })
})
afterEach(() => receiver.close())

/** So many deliveries of an event, all dead; the receiver is well again afterwards. */
const dead = async (eventName: string, count: number): Promise<string[]> => {
  await broker.register(eventName, `${receiver.url}/hook`)
  const messages = await Promise.all(
    Array.from({ length: count }, (_, n) => broker.trigger(eventName, { body: String(n) })),
  )
  const all = await Promise.all(
    messages.map(({ messageId }) => broker.untilAll(messageId, 'dead', 20_000)),
  )
  receiver.answer = 200
  return all.flat().map(({ id }) => id)
}

const parse = ({ code, stdout, stderr }: CliResult) => {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Record<string, unknown>
}

const statuses = async (ids: readonly string[]) =>
  new Set(await Promise.all(ids.map(async (id) => (await broker.delivery(id)).status)))

const change = async (eventName: string, id: string, settings: Record<string, unknown>) => {
  const body = JSON.stringify(settings)
  const answer = await broker.request('PATCH', `/api/v0/webhooks/${eventName}/${id}`, { body })
  expect(answer.status).toBe(200)
}

test('all of a filter: a dry run says how many, and each is sent once more', async () => {
  const ids = await dead('many', 30)
  const filter = ['--status', 'dead', '--event', 'many', '--from', '1h']

  const dry = await cli.run(['replay', ...filter, '--dry-run'])
  expect(dry).toEqual({ code: 0, stdout: 'would replay: 30\n', stderr: '' })
  expect(parse(await cli.run(['replay', ...filter, '--dry-run', '--json']))).toEqual({
    dryRun: true,
    count: 30,
  })
  expect(await statuses(ids)).toEqual(new Set(['dead']))
  const before = receiver.received.length

  const { code, stdout, stderr } = await cli.run(['replay', ...filter])

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toBe('replayed: 30 of 30, 0 skipped\n')
  await receiver.waitFor(before + 30)
  for (const id of ids) await broker.untilAll((await broker.delivery(id)).messageId, 'delivered')
  expect(receiver.received).toHaveLength(before + 30)

  // Nothing matches any more.
  const again = await cli.run(['replay', ...filter])
  expect(again).toEqual({ code: 0, stdout: 'replayed: 0 of 0, 0 skipped\n', stderr: '' })
})

test('one by its id, and several by theirs', async () => {
  const [one = '', two = '', three = ''] = await dead('few', 3)

  const single = await cli.run(['replay', one])
  expect(single).toEqual({ code: 0, stdout: `replayed: ${one}  pending\n`, stderr: '' })
  const both = parse(await cli.run(['replay', two, three, '--json']))
  expect(both).toEqual({ total: 2, replayed: 2, skipped: 0 })

  for (const id of [one, two, three]) {
    await broker.untilAll((await broker.delivery(id)).messageId, 'delivered')
  }
  expect(parse(await cli.run(['replay', one, '--json']))).toMatchObject({ id: one })
})

test('one that is in flight is refused, with exit code 1, and skipped among several', async () => {
  const [id = ''] = await dead('held', 1)
  // Longer than two calls of the command line take on a busy machine: within a second the attempt was over before them.
  const { webhookId } = await broker.delivery(id)
  await change('held', webhookId, { timeoutMs: 60_000 })
  const release = new Promise<() => void>((resolve) => {
    receiver.answer = (_request, response) => resolve(() => void response.writeHead(200).end())
  })
  await cli.run(['replay', id])
  const answer = await release

  const { code, stderr } = await cli.run(['replay', id, '--json'])

  expect(code).toBe(1)
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'delivery_in_flight' } })
  // Among several it is skipped.
  expect(parse(await cli.run(['replay', '--event', 'held', '--json']))).toEqual({
    total: 1,
    replayed: 0,
    skipped: 1,
  })
  answer()
})

test('neither ids nor a filter never means all: exit code 2, and nothing is sent', async () => {
  const ids = await dead('all', 2)
  const before = receiver.received.length
  expect(await cli.run(['replay'])).toEqual({
    code: 2,
    stdout: '',
    stderr: 'webhook-broker: give the id of a delivery, or a filter such as --status dead\n',
  })
  expect((await cli.run(['replay', ids[0] ?? '', '--status', 'dead'])).code).toBe(2)
  expect((await cli.run(['replay', '--dry-run'])).code).toBe(2)
  expect((await cli.run(['replay', `dlv_${'0'.repeat(26)}`])).code).toBe(5)

  // The control: an event after all that arrives, and the first one.
  await broker.register('control', `${receiver.url}/control`)
  const { messageId } = await broker.trigger('control')
  await broker.untilAll(messageId, 'delivered')
  expect(receiver.received.slice(before).map(({ url }) => url)).toEqual(['/control'])
  expect(await statuses(ids)).toEqual(new Set(['dead']))
})

test('what a webhook missed while it was disabled is sent, once, by --missed', async () => {
  receiver.answer = 200
  const { id } = await broker.register('missed', `${receiver.url}/missed`)
  await change('missed', id, { status: 'disabled' })
  for (const n of [1, 2, 3]) await broker.trigger('missed', { body: String(n) })
  await change('missed', id, { status: 'enabled' })
  const missed = ['replay', '--missed', '--webhook', id]

  expect(parse(await cli.run([...missed, '--dry-run', '--json']))).toEqual({
    dryRun: true,
    count: 3,
  })
  expect(receiver.received).toHaveLength(0)
  expect(await cli.run(missed)).toEqual({
    code: 0,
    stdout: 'replayed: 3 of 3, 0 skipped\n',
    stderr: '',
  })
  await receiver.waitFor(3)
  expect(receiver.received.map(({ body }) => body.toString()).sort()).toEqual(['1', '2', '3'])
  // Nothing is missed any more.
  expect((await cli.run(missed)).stdout).toBe('replayed: 0 of 0, 0 skipped\n')
})

test('--missed without its webhook, or with what it cannot go with, is exit code 2', async () => {
  expect(await cli.run(['replay', '--missed'])).toEqual({
    code: 2,
    stdout: '',
    stderr: 'webhook-broker: --missed needs --webhook <id>: it is one webhook that missed them\n',
  })
  const named = ['replay', '--missed', '--webhook', `wh_${'0'.repeat(26)}`]
  expect((await cli.run([...named, '--status', 'dead'])).code).toBe(2)
  expect((await cli.run(['replay', '--missed', `dlv_${'0'.repeat(26)}`])).code).toBe(2)
  expect((await cli.run(named)).code).toBe(5)
})
