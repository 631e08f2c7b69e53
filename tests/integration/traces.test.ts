// One trace from the trigger to the receiver, over the real API, queue and sender, into an exporter of the test.

import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startApi, type TestApi } from '../support/api-kit.ts'
import { startReceiver, type Receiver } from '../support/receiver.ts'
import { waitUntil } from '../support/wait.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const HEX_TRACE = /^[0-9a-f]{32}$/
const HEX_SPAN = /^[0-9a-f]{16}$/

let api: TestApi
let receiver: Receiver
beforeAll(async () => {
  api = await startApi({ BROKER_RETRY_SCHEDULE: '10ms', BROKER_RETRY_JITTER: '0' })
  receiver = await startReceiver()
  api.deliver()
})
afterAll(async () => {
  await api.close()
  await receiver.close()
})

let events = 0
/** A webhook for an event of its own, and a trigger of it. @returns what the receiver got */
const fire = async (headers: Record<string, string> = {}, requests = 1) => {
  const eventName = `traced-${(events += 1)}`
  const before = receiver.received.length
  await api.call('POST', '/api/v0/webhooks', {
    json: { eventName, webhookUrl: `${receiver.url}/h` },
  })
  const answer = await api.call('POST', `/api/v0/trigger-event/${eventName}`, { json: {}, headers })
  expect(answer.status).toBe(202)
  const received = (await receiver.waitFor(before + requests)).slice(before)
  return { eventName, received, messageId: String(answer.json['messageId']) }
}

describe('without an SDK', () => {
  it('a trigger without a traceparent sends none to the receiver', async () => {
    const { received } = await fire()
    expect(received[0]?.headers).not.toHaveProperty('traceparent')
  })

  it('a traceparent reaches the receiver as it came', async () => {
    const traceparent = `00-${TRACE}-${PARENT}-01`
    const { received } = await fire({ traceparent })
    expect(received[0]?.headers['traceparent']).toBe(traceparent)
  })

  it('what is no traceparent is dropped', async () => {
    const { received } = await fire({ traceparent: `00-${TRACE}-${PARENT}-zz` })
    expect(received[0]?.headers).not.toHaveProperty('traceparent')
  })
})

describe('with an SDK', () => {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    trace.setGlobalTracerProvider(provider)
  })
  beforeEach(() => {
    exporter.reset()
  })
  afterEach(() => {
    receiver.answer = 200
  })
  afterAll(async () => {
    trace.disable()
    context.disable()
    await provider.shutdown()
  })

  const spansOf = (eventName: string, count: number): Promise<ReadableSpan[]> =>
    waitUntil(() => {
      const spans = exporter
        .getFinishedSpans()
        .filter(({ attributes }) => attributes['webhook.event'] === eventName)
      return spans.length === count && spans
    })

  it('trigger and attempt are one trace, and the receiver gets the id of the attempt', async () => {
    const { eventName, received, messageId } = await fire({
      traceparent: `00-${TRACE}-${PARENT}-01`,
    })
    const spans = await spansOf(eventName, 2)
    const trigger = spans.find(({ name }) => name === 'trigger')
    const attempt = spans.find(({ name }) => name === 'attempt')
    expect(trigger?.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: PARENT })
    expect(trigger?.spanContext().traceId).toBe(TRACE)
    expect(attempt?.spanContext().traceId).toBe(TRACE)
    expect(attempt?.parentSpanContext?.spanId).toBe(trigger?.spanContext().spanId)
    expect(received[0]?.headers['traceparent']).toBe(
      `00-${TRACE}-${attempt?.spanContext().spanId ?? ''}-01`,
    )
    expect(attempt?.attributes).toMatchObject({
      'webhook.message_id': messageId,
      'webhook.attempt': 1,
      'webhook.outcome': 'http_status',
      'http.response.status_code': 200,
      'server.address': `127.0.0.1:${receiver.port}`,
    })
    // No URL: a path may hold a secret.
    expect(JSON.stringify(attempt?.attributes)).not.toContain('/h')
  })

  it('a trigger without a traceparent begins a trace', async () => {
    const { eventName, received } = await fire()
    const [trigger, attempt] = await spansOf(eventName, 2)
    expect(trigger?.spanContext().traceId).toMatch(HEX_TRACE)
    expect(attempt?.spanContext().traceId).toBe(trigger?.spanContext().traceId)
    const [version, traceId, spanId, flags] =
      received[0]?.headers['traceparent']?.toString().split('-') ?? []
    expect([version, traceId, flags]).toEqual(['00', trigger?.spanContext().traceId, '01'])
    expect(spanId).toMatch(HEX_SPAN)
  })

  it('each attempt of a delivery is a span of its own in the same trace, a failed one an error', async () => {
    receiver.answer = (request, response) => {
      response.writeHead(request.headers['webhook-attempt'] === '1' ? 503 : 200).end()
    }
    const { eventName, received } = await fire({}, 2)
    const attempts = (await spansOf(eventName, 3)).filter(({ name }) => name === 'attempt')
    expect(
      attempts.map(({ attributes, status }) => [attributes['webhook.attempt'], status.code]),
    ).toEqual([
      [1, 2],
      [2, 0],
    ])
    const sent = received.map(({ headers }) => headers['traceparent']?.toString().split('-'))
    expect(new Set(sent.map((parts) => parts?.[1])).size).toBe(1)
    expect(sent.map((parts) => parts?.[2])).toEqual(
      attempts.map((span) => span.spanContext().spanId),
    )
  })

  it('a refused trigger is an error', async () => {
    const answer = await api.call('POST', '/api/v0/trigger-event/broker.mine', { json: {} })
    expect(answer.status).toBe(400)
    const [trigger] = await spansOf('broker.mine', 1)
    expect(trigger?.status.code).toBe(2)
  })

  it('a sweep is a trace of its own', async () => {
    await api.sweep()
    const sweep = exporter.getFinishedSpans().find(({ name }) => name === 'sweep')
    expect(sweep?.parentSpanContext).toBeUndefined()
    expect(sweep?.attributes).toMatchObject({ 'webhook.sweep.redis_lost': false })
  })
})
