// Errors as RFC 9457 problem documents: a stable code for programs, a sentence for people, nothing of ours inside.

import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { BrokerError, type ErrorCode, type FieldFault } from '../domain/errors.ts'
import type { AppEnv } from './env.ts'

type Kind = { status: ContentfulStatusCode; title: string }

/** Every code of the API with its status; docs/errors.md explains each by its situation. */
export const PROBLEMS: Record<ErrorCode, Kind> = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  invalid_json: { status: 400, title: 'The body is not JSON' },
  invalid_encoding: { status: 400, title: 'The text is not encoded as it should be' },
  invalid_event_name: { status: 400, title: 'The event name is not valid' },
  reserved_event_name: { status: 400, title: 'The event name is reserved' },
  invalid_url: { status: 400, title: 'The webhook URL is not valid' },
  forbidden_address: { status: 400, title: 'The webhook URL names a forbidden address' },
  invalid_idempotency_key: { status: 400, title: 'The Idempotency-Key is not valid' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key was used before' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not supported' },
  unauthorized: { status: 401, title: 'No valid API key' },
  forbidden: { status: 403, title: 'The API key does not allow this' },
  not_found: { status: 404, title: 'There is no such thing' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  conflict: { status: 409, title: 'The state does not allow this' },
  delivery_in_flight: { status: 409, title: 'The delivery is in flight' },
  log_unavailable: { status: 503, title: 'The delivery log did not confirm' },
  queue_unavailable: { status: 503, title: 'The queue did not answer' },
  internal_error: { status: 500, title: 'Something of ours went wrong' },
}

export type Problem = {
  type: string
  title: string
  status: number
  code: ErrorCode
  detail: string
  errors: readonly FieldFault[]
  requestId: string
}

export const problemOf = (error: unknown, requestId: string): Problem => {
  const known = error instanceof BrokerError && error.code !== 'internal_error' ? error : undefined
  const code = known?.code ?? 'internal_error'
  const { status, title } = PROBLEMS[code]
  return {
    type: `urn:webhook-broker:problem:${code}`,
    title,
    status,
    code,
    detail:
      known?.message ??
      'The request failed for a reason of ours; the log has it under the request id.',
    errors: known?.faults ?? [],
    requestId,
  }
}

const RETRY_AFTER_S = '1'

/** Answers with a problem document. */
export const respondProblem = (c: Context<AppEnv>, error: unknown): Response => {
  const problem = problemOf(error, c.get('requestId'))
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' }
  if (problem.status === 401) headers['www-authenticate'] = 'Bearer'
  if (problem.status === 503) headers['retry-after'] = RETRY_AFTER_S
  return c.body(JSON.stringify(problem), PROBLEMS[problem.code].status, headers)
}
