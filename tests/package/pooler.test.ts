// The packaged functions and a transaction pooler (PgBouncer, Neon's pooled host, RDS Proxy): what one of those breaks, or
// pins a connection for, is not used. Read off the wire, since it is what libraries send that counts.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeFunctionKit, type FunctionKit } from '../support/function-kit.ts'
import { PACKAGING_TIMEOUT_MS } from '../support/function-package.ts'
import { httpApiV2 } from '../support/http-events.ts'
import { recordStatements, type StatementRecorder } from '../support/statement-recorder.ts'

let kit: FunctionKit
let recorder: StatementRecorder
beforeAll(async () => {
  kit = await makeFunctionKit({
    before: async (port) => {
      recorder = await recordStatements(port)
      return recorder.port
    },
  })
}, PACKAGING_TIMEOUT_MS)
afterAll(async () => {
  await kit.stop()
  await recorder.close()
})

// What lives longer than a transaction, or belongs to one server connection.
const OF_A_SESSION =
  /^\s*(set(?! local)|reset|listen|unlisten|prepare|execute|deallocate|discard|load)\b|\bpg_(try_)?advisory_lock(_shared)?\b|\bwith hold\b|\bcreate\s+(local\s+|global\s+)?temp/i

describe('every function', () => {
  it('uses one connection, unnamed statements, and nothing that belongs to a session', async () => {
    const webhook = { eventName: 'pooled', webhookUrl: 'http://127.0.0.1:4000/h' }
    const registered = await kit.call('register', 'POST webhooks', webhook)
    const { id } = JSON.parse(registered.body) as { id: string }
    const answers = [
      registered,
      await kit.call('list', 'GET webhooks/pooled'),
      await kit.call('manage', `PATCH webhooks/pooled/${id}`, { description: 'pooled' }),
      await kit.call('manage', `POST webhooks/pooled/${id}/rotate-secret`),
      await kit.call('trigger', 'POST trigger-event/pooled', { n: 1 }),
      await kit.call('deliveries', 'GET deliveries'),
      await kit.call('deliveries', 'GET audit'),
      await kit.call('manage', `DELETE webhooks/pooled/${id}`),
      await kit.invoke('site', httpApiV2({ method: 'GET', path: '/readyz' })),
    ]
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([
      201, 200, 200, 200, 202, 200, 200, 204, 200,
    ])
    await kit.invoke('sweep', {})

    const texts = recorder.statements.map(({ text }) => text)
    // The control: the recorder sees statements of all kinds.
    expect(texts.some((text) => /insert into/i.test(text))).toBe(true)
    expect(texts.some((text) => /^begin/i.test(text))).toBe(true)
    expect(recorder.statements.filter(({ name }) => name !== '')).toEqual([])
    expect(texts.filter((text) => OF_A_SESSION.test(text))).toEqual([])
    expect(Object.fromEntries(recorder.peaks)).toEqual({
      'webhook-broker-register': 1,
      'webhook-broker-list': 1,
      'webhook-broker-manage': 1,
      'webhook-broker-trigger': 1,
      'webhook-broker-deliveries': 1,
      'webhook-broker-site': 1,
      'webhook-broker-sweep': 1,
    })
  })

  it('would be caught: the pattern knows what a pooler breaks', () => {
    const broken = [
      'SET search_path = x',
      'listen channel',
      'prepare p as select 1',
      'select pg_advisory_lock(1)',
      'create temp table t ()',
    ]
    expect(broken.filter((text) => !OF_A_SESSION.test(text))).toEqual([])
    const sound = [
      'set local lock_timeout = 1',
      'select pg_advisory_xact_lock(1)',
      'update a set b = 1',
    ]
    expect(sound.filter((text) => OF_A_SESSION.test(text))).toEqual([])
  })
})
