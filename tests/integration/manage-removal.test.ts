// What becomes of open deliveries when their webhook is removed or disabled, with a real worker and a real receiver.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api-kit.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'

let api: TestApi
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
  api = await startApi({ BROKER_RETRY_SCHEDULE: '1d' })
})
afterAll(async () => {
  await api.close()
  await receiver.close()
})

const register = async (eventName: string, path = eventName) => {
  const { json } = await api.call('POST', '/api/v0/webhooks', {
    json: { eventName, webhookUrl: `${receiver.url}/${path}` },
  })
  return { id: String(json['id']), path: `/api/v0/webhooks/${eventName}/${String(json['id'])}` }
}

/** @returns the ids of the deliveries, oldest webhook first */
const trigger = async (eventName: string): Promise<string[]> => {
  const { json } = await api.call('POST', `/api/v0/trigger-event/${eventName}`)
  const message = await api.call('GET', `/api/v0/messages/${String(json['messageId'])}`)
  return (message.json['deliveries'] as { id: string; webhookId: string }[])
    .sort((one, other) => one.webhookId.localeCompare(other.webhookId))
    .map(({ id }) => id)
}

const read = async (id = '') => (await api.call('GET', `/api/v0/deliveries/${id}`)).json
const statusIs = (id: string | undefined, status: string) =>
  waitUntil(async () => (await read(id))['status'] === status, { message: `${id ?? ''} ${status}` })
const pathsReceived = () => receiver.received.map(({ url }) => url)

// The order matters: nothing delivers until the second group asks for it.
describe('without a worker', () => {
  it('the sweep cancels what a removed webhook leaves open, and nothing of its neighbour', async () => {
    const removed = await register('swept', 'swept-removed')
    await register('swept', 'swept-neighbour')
    const [gone, kept] = await trigger('swept')
    expect((await api.call('DELETE', removed.path)).status).toBe(204)
    await api.sweep()
    expect(await read(gone)).toMatchObject({ status: 'cancelled', attemptCount: 0, waiting: null })
    expect(await read(kept)).toMatchObject({ status: 'pending', attemptCount: 0 })
    const audit = await api.call('GET', '/api/v0/audit')
    expect(audit.json).toMatchObject({
      balanced: true,
      days: [{ matched: 2, cancelled: 1, open: 1 }],
    })
  })

  it('what waits for a disabled webhook says so', async () => {
    const disabled = await register('paused')
    const [waiting] = await trigger('paused')
    await api.call('PATCH', disabled.path, { json: { status: 'disabled' } })
    expect(await read(waiting)).toMatchObject({
      status: 'pending',
      waiting: { reason: 'webhook_disabled', until: null },
    })
  })
})

describe('with a worker', () => {
  it('a delivery whose webhook was removed before its turn is cancelled and never sent', async () => {
    const removed = await register('claimed', 'claimed-removed')
    await register('claimed', 'claimed-neighbour')
    const [gone, kept] = await trigger('claimed')
    await api.call('DELETE', removed.path)
    api.deliver()
    // The control: its neighbour went through the same queue.
    await statusIs(kept, 'delivered')
    await statusIs(gone, 'cancelled')
    expect(pathsReceived()).toContain('/claimed-neighbour')
    expect(pathsReceived()).not.toContain('/claimed-removed')
    expect(pathsReceived()).not.toContain('/swept-removed')
  })

  it('what waited for a disabled webhook is sent when it is enabled', async () => {
    receiver.answer = 500
    const webhook = await register('waited')
    const [id] = await trigger('waited')
    await statusIs(id, 'retrying')
    await api.call('PATCH', webhook.path, { json: { status: 'disabled' } })
    receiver.answer = 200
    await api.schema.sql(
      `update deliveries set next_attempt_at = now(), due_at = now() where id = $1`,
      [id],
    )
    // The sweep asks for it, the claim sees that its webhook takes nothing and leaves it in Postgres.
    await api.sweep()
    const parked = async () => {
      const [row] = await api.schema.sql<{ parked: string | null }>(
        'select parked from deliveries where id = $1',
        [id],
      )
      return row?.parked === 'webhook_disabled'
    }
    await waitUntil(parked, { message: 'parked' })
    expect(await read(id)).toMatchObject({ attemptCount: 1 })
    await api.call('PATCH', webhook.path, { json: { status: 'enabled' } })
    await statusIs(id, 'delivered')
    expect(await read(id)).toMatchObject({ attemptCount: 2 })
  })

  it('410 ends the delivery at once and disables the webhook, which then gets nothing', async () => {
    receiver.answer = 410
    const webhook = await register('gone')
    const [id] = await trigger('gone')
    await statusIs(id, 'dead')
    expect(await read(id)).toMatchObject({ deadReason: 'gone', attemptCount: 1 })
    expect((await api.call('GET', webhook.path)).json).toMatchObject({
      status: 'disabled',
      disabledReason: 'gone',
    })
    expect(await trigger('gone')).toEqual([])
  })
})
