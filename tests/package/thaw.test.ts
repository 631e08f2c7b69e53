// O-LAMBDA-1: a packaged function, frozen between two invocations and thawed with every connection gone. The second
// caller must not notice.

import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { makeQueueNames } from '../../lib/queue/names.ts'
import { makeFunctionKit, type FunctionKit } from '../support/function-kit.ts'
import { PACKAGING_TIMEOUT_MS } from '../support/function-package.ts'
import { httpApiV2 } from '../support/http-events.ts'

// Far below the timeout of a function (15 s): no stale socket was waited for.
const SOON_MS = 3_000

let kit: FunctionKit
let admin: Redis
beforeAll(async () => {
  kit = await makeFunctionKit()
  admin = new Redis(inject('redisUrl'))
}, PACKAGING_TIMEOUT_MS)
afterAll(async () => {
  admin.disconnect()
  await kit.stop()
})

const register = (eventName: string) =>
  kit.call('register', 'POST webhooks', { eventName, webhookUrl: 'http://127.0.0.1:4000/h' })
const timed = async <T>(work: () => Promise<T>): Promise<{ result: T; tookMs: number }> => {
  const startedMs = performance.now()
  const result = await work()
  return { result, tookMs: performance.now() - startedMs }
}

describe('trigger', () => {
  it('has done everything when it answers, and works again after a thaw that finds no connection', async () => {
    expect((await register('packed')).statusCode).toBe(201)
    const trigger = (n: number) => kit.call('trigger', 'POST trigger-event/packed', { n })
    const first = await trigger(1)
    expect([first.statusCode, JSON.parse(first.body)]).toMatchObject([202, { deliveries: 1 }])
    // What a 202 promises is there when it is given: nothing runs afterwards.
    const jobOf = async () => {
      const [row] = await kit.schema.sql<{ id: string }>(
        'select id from deliveries order by id desc limit 1',
      )
      return makeQueueNames(kit.prefix).job(row?.id ?? '')
    }
    expect(await admin.exists(await jobOf())).toBe(1)

    await kit.cutAll()
    const second = await timed(() => trigger(2))
    expect([second.result.statusCode, JSON.parse(second.result.body)]).toMatchObject([
      202,
      { deliveries: 1 },
    ])
    expect(second.tookMs).toBeLessThan(SOON_MS)
    expect(await kit.schema.sql('select id from deliveries')).toHaveLength(2)
    // Within this very invocation: the next one would find a frozen function's connection dead again.
    expect(await admin.exists(await jobOf())).toBe(1)
  })
})

describe('every other function', () => {
  it('answers as before, in good time', async () => {
    expect((await register('thawed')).statusCode).toBe(201)
    const calls = {
      register: () => register('thawed-again'),
      list: () => kit.call('list', 'GET webhooks/thawed'),
      deliveries: () => kit.call('deliveries', 'GET deliveries'),
      manage: () => kit.call('manage', 'GET webhooks/thawed/wh_unknown'),
      site: () => kit.invoke('site', httpApiV2({ method: 'GET', path: '/readyz' })),
    }
    const statuses = async () => {
      const answers: [string, number][] = []
      for (const [name, call] of Object.entries(calls)) {
        const { result, tookMs } = await timed(call)
        expect(tookMs).toBeLessThan(SOON_MS)
        answers.push([name, result.statusCode])
      }
      return Object.fromEntries(answers)
    }
    const expected = { list: 200, deliveries: 200, manage: 404, site: 200 }
    expect(await statuses()).toEqual({ ...expected, register: 201 })
    await kit.cutAll()
    expect(await statuses()).toEqual({ ...expected, register: 200 })
  })
})
