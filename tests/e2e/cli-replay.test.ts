// `webhook-broker replay` against the broker as it is run in containers.

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { makeCli, type Cli, type CliResult } from '../support/cli.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { startBroker, urlOf, type Broker } from './support.ts'

let broker: Broker
let cli: Cli
let receiver: Receiver

beforeAll(async () => {
  // One attempt, and it is dead.
  broker = await startBroker({ env: { BROKER_RETRY_SCHEDULE: '1ms' } })
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

test('one by its id is sent once more', async () => {
  const [one = '', two = ''] = await dead('few', 2)

  const single = await cli.run(['replay', one])
  expect(single).toEqual({ code: 0, stdout: `replayed: ${one}  pending\n`, stderr: '' })
  expect(parse(await cli.run(['replay', two, '--json']))).toMatchObject({ id: two })

  for (const id of [one, two]) {
    await broker.untilAll((await broker.delivery(id)).messageId, 'delivered')
  }
  expect((await cli.run(['replay', `dlv_${'0'.repeat(26)}`])).code).toBe(5)
})

test('one that is in flight is refused, with exit code 1', async () => {
  const [id = ''] = await dead('held', 1)
  const release = new Promise<() => void>((resolve) => {
    receiver.answer = (_request, response) => resolve(() => void response.writeHead(200).end())
  })
  await cli.run(['replay', id])
  const answer = await release

  const { code, stderr } = await cli.run(['replay', id, '--json'])

  expect(code).toBe(1)
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'delivery_in_flight' } })
  answer()
})
