// Traces: one span per trigger, attempt and sweep, through the OpenTelemetry API alone. Without an SDK in the process
// the API does nothing, and a traceparent passes from the trigger to the receiver as it came. Nothing is exported here.

import {
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api'
import type { Sender, SendRequest } from './broker/ports.ts'
import type { Sweep } from './broker/sweep.ts'
import type { TriggerEvent } from './broker/trigger-event.ts'
import type { SendOutcome } from './domain/attempt.ts'

// Looked up at each use: an SDK may be registered after this module was loaded.
const tracer = () => trace.getTracer('webhook-broker')

/** The message carries the trace on: its span becomes the parent of every attempt. */
export const tracedTrigger =
  (trigger: TriggerEvent): TriggerEvent =>
  (input) => {
    const attributes = { 'webhook.event': input.eventName, 'webhook.tenant': input.tenant }
    const parent = activeOr(input.traceparent)
    return inSpan(
      { name: 'trigger', kind: SpanKind.PRODUCER, attributes, parent },
      async (span) => {
        const traceparent = traceparentOf(span) ?? input.traceparent
        const answer = await trigger({ ...input, traceparent })
        span.setAttributes({
          'webhook.message_id': answer.messageId,
          'webhook.deliveries': answer.deliveries,
        })
        return answer
      },
    )
  }

/** One POST is one attempt: its span's id is what the receiver finds in `traceparent`. */
export const tracedSender = (sender: Sender): Sender => ({
  send: (request) => {
    const parent = contextOf(request.headers['traceparent'])
    const attributes = attemptAttributes(request)
    return inSpan({ name: 'attempt', kind: SpanKind.CLIENT, attributes, parent }, async (span) => {
      const traceparent = traceparentOf(span)
      const outcome = await sender.send(
        traceparent === undefined
          ? request
          : { ...request, headers: { ...request.headers, traceparent } },
      )
      describeOutcome(span, outcome)
      return outcome
    })
  },
})

/** A repair is a trace of its own. */
export const tracedSweep =
  (sweep: Sweep): Sweep =>
  (options) =>
    inSpan(
      { name: 'sweep', kind: SpanKind.INTERNAL, attributes: {}, parent: context.active() },
      async (span) => {
        const summary = await sweep(options)
        span.setAttributes({
          'webhook.sweep.requeued': summary.requeued,
          'webhook.sweep.replaced': summary.replaced,
          'webhook.sweep.redis_lost': summary.redisLost,
          'webhook.sweep.complete': summary.complete,
        })
        return summary
      },
    )

type SpanSettings = { name: string; kind: SpanKind; attributes: Attributes; parent: Context }

/** Runs within a span, which ends with it; what it throws is noted and thrown on. */
const inSpan = async <T>(
  { name, kind, attributes, parent }: SpanSettings,
  run: (span: Span) => Promise<T>,
): Promise<T> => {
  const span = tracer().startSpan(name, { kind, attributes }, parent)
  try {
    return await context.with(trace.setSpan(parent, span), () => run(span))
  } catch (error) {
    if (error instanceof Error) span.recordException(error)
    span.setStatus({ code: SpanStatusCode.ERROR })
    throw error
  } finally {
    span.end()
  }
}

/** The span of an instrumented HTTP server, when there is one: it is a child of the header already. */
const activeOr = (traceparent: string | null): Context =>
  trace.getSpan(context.active()) === undefined
    ? contextOf(traceparent ?? undefined)
    : context.active()

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** @param traceparent W3C trace context, version 00 */
const contextOf = (traceparent: string | undefined): Context => {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(traceparent ?? '') ?? []
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT
}

/** Undefined without an SDK and without a parent. */
const traceparentOf = (span: Span): string | undefined => {
  const own = span.spanContext()
  if (!isSpanContextValid(own)) return undefined
  return `00-${own.traceId}-${own.spanId}-${own.traceFlags.toString(16).padStart(2, '0')}`
}

const attemptAttributes = ({ url, headers }: SendRequest): Attributes => {
  return {
    'http.request.method': 'POST',
    // The host alone: path and query may hold a secret.
    'server.address': URL.canParse(url) ? new URL(url).host : '',
    'webhook.event': headers['webhook-event'] ?? '',
    'webhook.message_id': headers['webhook-id'] ?? '',
    'webhook.delivery_id': headers['webhook-delivery-id'] ?? '',
    'webhook.attempt': Number(headers['webhook-attempt']),
  }
}

const describeOutcome = (span: Span, outcome: SendOutcome): void => {
  const code = outcome.kind === 'answered' ? 'http_status' : outcome.code
  span.setAttribute('webhook.outcome', code)
  if (outcome.kind !== 'answered') {
    span.setStatus({ code: SpanStatusCode.ERROR, message: code })
    return
  }
  const { statusCode } = outcome.response
  span.setAttribute('http.response.status_code', statusCode)
  if (statusCode < 200 || statusCode > 299) span.setStatus({ code: SpanStatusCode.ERROR })
}
