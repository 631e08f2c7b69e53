// Row 32 of the crash table: whoever publishes operational events dies. What was noted is published by somebody else, and
// what was published is not published again.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRig, type Rig } from './rig.ts'

const EVENT = 'broker.webhook.disabled'
// Up to four processes begin one after another.
const TIMEOUT_MS = 90_000

let rig: Rig
let worker: Promise<unknown> | undefined
beforeAll(async () => {
  rig = await startRig()
  await rig.start('api')
  await rig.webhooks(EVENT)
})
afterAll(async () => {
  await rig.stop()
})

const noted = async () => (await rig.postgres.sql('select id from operational_events')).length
/** As when half a minute has passed since its publisher took it. */
const letPublishersDie = () => rig.postgres.sql('update operational_events set next_at = now()')

/** Messages of the event that were not there before. */
const newMessages = async () => {
  const read = async () => {
    const rows = await rig.postgres.sql<{ id: string }>(
      'select id from messages where event_name = $1',
      [EVENT],
    )
    return rows.map(({ id }) => id)
  }
  const known = new Set(await read())
  return async () => (await read()).filter((id) => !known.has(id))
}
const requestsOf = (ids: readonly string[]) =>
  rig.receiver.lines().filter(({ webhookId }) => ids.includes(webhookId))

/** Whoever writes it: the broker, a person, a script of theirs. */
const disable = (eventName: string) =>
  rig.postgres.sql(
    "update webhooks set status = 'disabled', disabled_reason = 'manual' where event_name = $1",
    [eventName],
  )

const deliverAll = async () => {
  await (worker ??= rig.start('worker'))
  await rig.settle()
}

// First, while no other worker could take the job.
test(
  'row 32: a worker that dies when it has recorded a 410, before it publishes, leaves that to the sweep',
  async () => {
    const published = await newMessages()
    await rig.webhooks('told-gone', { behaviour: 'status=410' })
    const victim = await rig.start('worker', { FAILPOINTS: 'W7=kill@1' })
    await rig.client.trigger('told-gone')
    expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' })
    expect([await noted(), (await published()).length]).toEqual([1, 0])
    // More than one run: the job of the dead worker is put right when its lock is gone.
    const sweep = await rig.start('sweep')
    await deliverAll()
    await sweep.stop()
    expect([await noted(), (await published()).length]).toEqual([0, 1])
    expect(requestsOf(await published())).toMatchObject([{ signatureOk: true, attempt: 1 }])
  },
  TIMEOUT_MS,
)

test.each([
  ['E1 (taken, no message yet)', 'E1', { left: 1, accepted: 0 }],
  ['E2 (message accepted and handed over)', 'E2', { left: 1, accepted: 1 }],
  ['E3 (the event forgotten)', 'E3', { left: 0, accepted: 1 }],
])(
  'row 32: a sweep that dies after %s publishes once',
  async (_name, step, { left, accepted }) => {
    const published = await newMessages()
    await rig.webhooks(`told-${step}`)
    await disable(`told-${step}`)
    expect(await rig.sweepOnce({ FAILPOINTS: `${step}=kill@1` })).toBeUndefined()
    expect([await noted(), (await published()).length]).toEqual([left, accepted])
    await letPublishersDie()
    expect(await rig.sweepOnce()).toBeDefined()
    expect([await noted(), (await published()).length]).toEqual([0, 1])
    await deliverAll()
    expect(requestsOf(await published())).toMatchObject([{ signatureOk: true, attempt: 1 }])
  },
  TIMEOUT_MS,
)

test(
  'row 32: two sweeps at once publish each once',
  async () => {
    const published = await newMessages()
    const names = Array.from({ length: 20 }, (_, n) => `told-twice-${n}`)
    for (const name of names) await rig.webhooks(name)
    for (const name of names) await disable(name)
    await Promise.all([rig.sweepOnce(), rig.sweepOnce()])
    expect([await noted(), (await published()).length]).toEqual([0, 20])
    await deliverAll()
    const requests = requestsOf(await published())
    expect(requests).toHaveLength(20)
    expect(new Set(requests.map(({ webhookId }) => webhookId)).size).toBe(20)
  },
  TIMEOUT_MS,
)
