// Replay and cancel over the API, with a real worker and a real receiver: what they answer, and what is then sent.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KEYS, problemOf, startApi, type TestApi } from '../support/api-kit.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'

let api: TestApi
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
  // One attempt now and one in a day: what fails is in backoff until somebody does something.
  api = await startApi({ BROKER_RETRY_SCHEDULE: '1d' })
  api.deliver()
})
afterAll(async () => {
  await api.close()
  await receiver.close()
})

let serial = 0
/** Triggers an event of its own to one webhook. @returns the id of the delivery */
const makeDelivery = async (): Promise<string> => {
  serial += 1
  const eventName = `replay.${serial}`
  await api.call('POST', '/api/v0/webhooks', {
    json: { eventName, webhookUrl: `${receiver.url}/${serial}` },
  })
  const { json } = await api.call('POST', `/api/v0/trigger-event/${eventName}`, {
    json: { serial },
  })
  const message = await api.call('GET', `/api/v0/messages/${String(json['messageId'])}`)
  return (message.json['deliveries'] as { id: string }[])[0]?.id ?? ''
}

const read = async (id: string) => (await api.call('GET', `/api/v0/deliveries/${id}`)).json
const until = (id: string, wanted: Record<string, unknown>) =>
  waitUntil(
    async () => {
      const json = await read(id)
      return Object.entries(wanted).every(([name, value]) => json[name] === value) && json
    },
    { message: `${id} ${JSON.stringify(wanted)}` },
  )
const act = (id: string, what: 'replay' | 'cancel', key: string = KEYS.manage) =>
  api.call('POST', `/api/v0/deliveries/${id}/${what}`, { key })
const requestsOf = (id: string) =>
  receiver.received.filter(({ headers }) => headers['webhook-delivery-id'] === id)

const ENDED = { status: 409, code: 'conflict', fields: [] }
const NOT_FOUND = { status: 404, code: 'not_found', fields: [] }

describe('replay', () => {
  it('sends what was delivered once more: same id, same bytes, the next attempt', async () => {
    receiver.answer = 200
    const id = await makeDelivery()
    const { firstDeliveredAt } = await until(id, { status: 'delivered' })

    const answer = await act(id, 'replay')
    expect(answer.status).toBe(202)
    expect(answer.json).toMatchObject({ id, finishedAt: null, deadReason: null })

    const again = await until(id, { status: 'delivered', attemptCount: 2 })
    expect(again['firstDeliveredAt']).toBe(firstDeliveredAt)
    expect(
      (again['attempts'] as Record<string, unknown>[]).map(({ number, series, outcome }) => [
        number,
        series,
        outcome,
      ]),
    ).toEqual([
      [1, 1, 'succeeded'],
      [2, 2, 'succeeded'],
    ])
    const [first, second] = requestsOf(id)
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
    expect(second?.body).toEqual(first?.body)
    expect([first, second].map((sent) => sent?.headers['webhook-attempt'])).toEqual(['1', '2'])
  })

  it('does not wait for the end of a backoff', async () => {
    receiver.answer = 500
    const id = await makeDelivery()
    const failed = await until(id, { status: 'retrying', attemptCount: 1 })
    expect(failed['waiting']).toMatchObject({ reason: 'backoff' })
    receiver.answer = 200
    expect((await act(id, 'replay')).status).toBe(202)
    await until(id, { status: 'delivered', attemptCount: 2 })
  })

  it('of what is in the air is 409, and nothing more is sent', async () => {
    let end: () => void = () => undefined
    receiver.answer = (_request, response) => {
      end = () => response.writeHead(200).end()
    }
    const id = await makeDelivery()
    await until(id, { inFlight: true })
    await waitUntil(() => requestsOf(id).length === 1, { message: 'the request' })
    expect(problemOf(await act(id, 'replay'))).toEqual({
      status: 409,
      code: 'delivery_in_flight',
      fields: [],
    })
    end()
    expect(await until(id, { status: 'delivered' })).toMatchObject({ attemptCount: 1 })
    expect(requestsOf(id)).toHaveLength(1)
  })

  it('gives a cancelled delivery a second life', async () => {
    receiver.answer = 500
    const id = await makeDelivery()
    await until(id, { status: 'retrying' })
    expect((await act(id, 'cancel')).json).toMatchObject({ id, status: 'cancelled' })
    receiver.answer = 200
    await act(id, 'replay')
    await until(id, { status: 'delivered', attemptCount: 2 })
  })
})

describe('cancel', () => {
  it('ends a delivery in backoff, once; what comes after it is sent all the same', async () => {
    receiver.answer = 500
    const id = await makeDelivery()
    await until(id, { status: 'retrying' })
    const answer = await act(id, 'cancel')
    expect(answer.status).toBe(200)
    expect(answer.json).toMatchObject({ id, status: 'cancelled', waiting: null })
    expect(problemOf(await act(id, 'cancel'))).toEqual(ENDED)

    // Its time has come, and the sweep finds nothing to do for it. The control is another one that was as late.
    receiver.answer = 500
    const control = await makeDelivery()
    await until(control, { status: 'retrying' })
    receiver.answer = 200
    await api.schema.sql(
      `update deliveries set next_attempt_at = now() - interval '1 minute', due_at = now() - interval '1 minute'
       where id = any($1)`,
      [[id, control]],
    )
    await api.sweep()
    await until(control, { status: 'delivered' })
    expect(requestsOf(id)).toHaveLength(1)
    expect(await read(id)).toMatchObject({ status: 'cancelled', attemptCount: 1 })
  })

  it('of what was delivered is 409', async () => {
    receiver.answer = 200
    const id = await makeDelivery()
    await until(id, { status: 'delivered' })
    expect(problemOf(await act(id, 'cancel'))).toEqual(ENDED)
    expect(await read(id)).toMatchObject({ status: 'delivered' })
  })

  it('lets what is in the air end; a success counts', async () => {
    let end: () => void = () => undefined
    receiver.answer = (_request, response) => {
      end = () => response.writeHead(200).end()
    }
    const id = await makeDelivery()
    await waitUntil(() => requestsOf(id).length === 1, { message: 'the request' })
    expect((await act(id, 'cancel')).json).toMatchObject({ status: 'cancelled' })
    end()
    expect(await until(id, { status: 'delivered' })).toMatchObject({ attemptCount: 1 })
  })
})

describe.each(['replay', 'cancel'] as const)('%s of nothing', (what) => {
  it('is 404: an unknown id, no id, another tenant’s delivery', async () => {
    receiver.answer = 500
    const id = await makeDelivery()
    await until(id, { status: 'retrying' })
    expect(problemOf(await act(`dlv_${'0'.repeat(26)}`, what))).toEqual(NOT_FOUND)
    expect(problemOf(await act('dlv_1', what))).toEqual(NOT_FOUND)
    expect(problemOf(await act('x%00', what))).toEqual(NOT_FOUND)
    expect(problemOf(await act(id, what, KEYS.other))).toEqual(NOT_FOUND)
    expect(await read(id)).toMatchObject({ status: 'retrying', attemptCount: 1 })
  })
})
