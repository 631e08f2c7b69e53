// W3C trace context, as a trigger may bring it: https://www.w3.org/TR/trace-context/#traceparent-header

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** @returns it, or null where there is none or a broken one: tracing never fails a trigger */
export const acceptTraceparent = (text: string | null | undefined): string | null =>
  typeof text === 'string' && TRACEPARENT.test(text) ? text : null
