// The packaged function that QStash calls at its function URL, as Lambda runs it: it learns its address from the call,
// checks the signature against it, attempts, and hands the next attempt over to that same address.

import { statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EventV2 } from '../../lib/http/lambda.ts'
import { startFakeQstash, type FakeQstash } from '../support/fake-qstash.ts'
import { KEY, makeFunctionKit, type FunctionKit } from '../support/function-kit.ts'
import {
  filesOf,
  packagedOnce,
  PACKAGING_TIMEOUT_MS,
  packagesIn,
  runFunction,
  sourcesOf,
  unpackFunction,
  type RunningFunction,
} from '../support/function-package.ts'
import { functionUrl, httpApiV2 } from '../support/http-events.ts'
import { loadFunction, median, type LoadTime } from '../support/load-function.ts'
import { qstashEnv } from '../support/qstash-kit.ts'
import { signToken } from '../support/qstash-token.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'

const ADDRESS = 'https://abc123.lambda-url.eu-central-1.on.aws/internal/qstash'

let qstash: FakeQstash
let receiver: Receiver
let kit: FunctionKit
let packages: string
let called: RunningFunction
let env: Record<string, string>
beforeAll(async () => {
  // It keeps what it is given: nobody is at that address but the test.
  qstash = await startFakeQstash({ faults: { drops: () => true } })
  receiver = await startReceiver()
  const own = qstashEnv(qstash, 'https://abc123.lambda-url.eu-central-1.on.aws/')
  kit = await makeFunctionKit({ variant: 'qstash', env: { ...own, BROKER_RETRY_SCHEDULE: '5s' } })
  packages = await packagedOnce('qstash')
  env = { ...kit.env, BROKER_PUBLIC_URL: 'function-url', AWS_LAMBDA_FUNCTION_NAME: 'qstash' }
  called = await runFunction(filesOf(packages, 'qstash'), env)
}, PACKAGING_TIMEOUT_MS)
beforeEach(() => {
  receiver.answer = 200
})
afterAll(async () => {
  await called.stop()
  await kit.stop()
  await Promise.all([qstash.close(), receiver.close()])
})

let events = 0
/** The message that a packaged trigger has given to QStash. */
const messageOf = async (): Promise<string> => {
  const eventName = `packed-${(events += 1)}`
  const webhookUrl = `${receiver.url}/${eventName}`
  await kit.call('register', 'POST webhooks', { eventName, webhookUrl })
  const before = qstash.taken.length
  const { statusCode } = await kit.call('trigger', `POST trigger-event/${eventName}`, { n: 1 })
  expect(statusCode).toBe(202)
  expect(qstash.taken.slice(before)).toMatchObject([{ url: ADDRESS }])
  return qstash.taken.at(-1)?.body ?? ''
}

const callOf = (body: string, change: { key?: string; url?: string; base64?: boolean } = {}) => {
  const { key = qstash.currentSigningKey, url = ADDRESS, base64 = false } = change
  const headers = { 'upstash-signature': signToken({ key, url, body }) }
  return functionUrl({ method: 'POST', path: '/internal/qstash', headers, body, base64 })
}
const answerTo = async (event: EventV2) => (await called.invoke(event)).statusCode

const stateOf = async (body: string) => {
  const { deliveryId } = JSON.parse(body) as { deliveryId: string }
  const [row] = await kit.schema.sql<{ status: string; attempt_count: number }>(
    'select status, attempt_count from deliveries where id = $1',
    [deliveryId],
  )
  return [row?.status, row?.attempt_count]
}

describe('the function', () => {
  it.each([false, true])('attempts what QStash asks for (base64: %s)', async (base64) => {
    const body = await messageOf()
    expect(await answerTo(callOf(body, { base64 }))).toBe(200)
    expect(await stateOf(body)).toEqual(['delivered', 1])
  })

  it('hands the next attempt over to the address at which it was called', async () => {
    receiver.answer = 500
    const body = await messageOf()
    expect(await answerTo(callOf(body))).toBe(200)
    expect(await stateOf(body)).toEqual(['retrying', 1])
    expect(qstash.taken.at(-1)).toMatchObject({
      url: ADDRESS,
      body: body.replace('"generation":0', '"generation":1'),
    })
  })

  it('lets in nobody without a signature for this very address', async () => {
    const body = await messageOf()
    const statuses = [
      await answerTo({ ...callOf(body), headers: {} }),
      await answerTo(callOf(body, { key: 'sig_other' })),
      await answerTo(
        callOf(body, { url: 'https://other.lambda-url.eu-central-1.on.aws/internal/qstash' }),
      ),
    ]
    expect(statuses).toEqual([401, 401, 401])
    expect(await stateOf(body)).toEqual(['pending', 0])
    expect(await answerTo(callOf(body, { key: qstash.nextSigningKey }))).toBe(200)
    expect(await stateOf(body)).toEqual(['delivered', 1])
  })

  it('claims nothing in less time than an attempt may take, and says so to QStash', async () => {
    const body = await messageOf()
    // 15 s of timeout and 5 s for what follows.
    const late = await runFunction(filesOf(packages, 'qstash'), env, 19_000)
    expect((await late.invoke(callOf(body))).statusCode).toBe(503)
    await late.stop()
    expect(await stateOf(body)).toEqual(['pending', 0])
    expect(await answerTo(callOf(body))).toBe(200)
  })

  it('does not believe an address that is no function URL', async () => {
    const body = await messageOf()
    const url = 'https://abc123.execute-api.eu-central-1.amazonaws.com/internal/qstash'
    const headers = { 'upstash-signature': signToken({ key: qstash.currentSigningKey, url, body }) }
    const other = await runFunction(filesOf(packages, 'qstash'), env)
    const request = { method: 'POST', path: '/internal/qstash', headers, body }
    expect((await other.invoke(httpApiV2(request))).statusCode).toBe(503)
    expect(await stateOf(body)).toEqual(['pending', 0])
    expect((await other.invoke(callOf(body))).statusCode).toBe(200)
    await other.stop()
  })

  it('works again after a thaw that finds no connection, and has QStash call again without Postgres', async () => {
    const [first, second, third] = [await messageOf(), await messageOf(), await messageOf()]
    expect(await answerTo(callOf(first))).toBe(200)
    await kit.cutAll()
    expect(await answerTo(callOf(second))).toBe(200)
    expect(await stateOf(second)).toEqual(['delivered', 1])
    kit.losePostgres()
    expect(await answerTo(callOf(third))).toBe(503)
  })
})

describe('its package', () => {
  it('carries a sender and no queue, in at most 600 KB', () => {
    const carried = packagesIn(sourcesOf(packages, 'functions/worker/qstash'))
    expect([carried.has('undici'), carried.has('@upstash/qstash'), carried.has('bullmq')]).toEqual([
      true,
      true,
      false,
    ])
    const zipBytes = statSync(join(packages, 'qstash.zip')).size
    process.stdout.write(`package qstash: ${Math.round(zipBytes / 1024)} KiB\n`)
    expect(zipBytes).toBeLessThanOrEqual(600 * 1024)
  })

  it('loads in at most 400 ms of the processor', async () => {
    const handler = unpackFunction(filesOf(packages, 'qstash'))
    const times: LoadTime[] = []
    const loading = {
      ...env,
      BROKER_API_KEYS: KEY,
      NODE_OPTIONS: '--enable-source-maps',
      TEST_RUN_FOLDER: tmpdir(),
    }
    while (times.length < 3) times.push(await loadFunction(handler, loading))
    const cpuMs = median(times.map((time) => time.cpuMs))
    process.stdout.write(`package qstash: loads in ${cpuMs} ms\n`)
    expect(cpuMs).toBeLessThanOrEqual(400)
  })
})
