// The one error type for broken infrastructure and refused requests. Expected outcomes are unions, not errors.

/**
 * Stable codes, each documented in docs/errors.md. `…_unavailable` means that a part of ours did not answer:
 * what was asked is not known to have happened.
 */
export type ErrorCode =
  | 'invalid_request'
  | 'invalid_json'
  | 'invalid_encoding'
  | 'invalid_event_name'
  | 'reserved_event_name'
  | 'invalid_url'
  | 'forbidden_address'
  | 'invalid_idempotency_key'
  | 'idempotency_key_reused'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'conflict'
  | 'delivery_in_flight'
  | 'log_unavailable'
  | 'queue_unavailable'
  | 'internal_error'

/** One fault of one field of a request, as it appears in `errors` of a problem document. */
export type FieldFault = { field: string; message: string }

/**
 * What every layer throws when it cannot go on.
 *
 * `message` is written for the caller and holds no secret, address or SQL; `cause` is for the log alone.
 */
export class BrokerError extends Error {
  readonly code: ErrorCode
  readonly faults: readonly FieldFault[]

  constructor(
    code: ErrorCode,
    message: string,
    detail: { cause?: unknown; faults?: readonly FieldFault[] } = {},
  ) {
    super(message, detail.cause === undefined ? {} : { cause: detail.cause })
    this.name = 'BrokerError'
    this.code = code
    this.faults = detail.faults ?? []
  }
}

/** A request that names one faulty field. */
export const fieldError = (code: ErrorCode, field: string, message: string): BrokerError =>
  new BrokerError(code, message, { faults: [{ field, message }] })
