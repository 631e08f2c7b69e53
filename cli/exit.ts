// The exit codes, as docs/cli.md has them, and what an error means for a person at a terminal.

import { ApiError, UnreachableError } from '../client/client.ts'
import { BrokerError } from '../lib/domain/errors.ts'
import { describeError } from '../lib/logger.ts'

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  unauthorized: 4,
  notFound: 5,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** The command was not called as it should be. */
export class UsageError extends Error {}

export type Failure = {
  exit: ExitCode
  code: string
  message: string
  /** What to do, if there is something. */
  hint?: string | undefined
  requestId?: string | undefined
}

/** @param baseUrl of the broker, for the hint */
export const failureOf = (error: unknown, baseUrl: string): Failure => {
  if (error instanceof ApiError) return refusal(error)
  if (error instanceof UnreachableError) {
    return {
      exit: EXIT.unreachable,
      code: 'unreachable',
      message: `${error.message} (${describeError(error.cause)})`,
      hint: `is the broker running at ${baseUrl}? BROKER_URL says where it is`,
    }
  }
  if (error instanceof UsageError) {
    return { exit: EXIT.usage, code: 'usage', message: error.message }
  }
  if (error instanceof BrokerError) {
    return { exit: EXIT.usage, code: error.code, message: error.message }
  }
  return { exit: EXIT.failed, code: 'failed', message: describeError(error) }
}

const refusal = (error: ApiError): Failure => {
  const fields = (error.problem?.errors ?? []).map(({ field, message }) => `${field}: ${message}`)
  const message = fields.length === 0 ? error.message : fields.join('; ')
  const { code, requestId, status } = error
  const failure = { code, message, requestId }
  switch (status) {
    case 401:
      return { ...failure, exit: EXIT.unauthorized, hint: 'BROKER_API_KEY holds the key' }
    case 403:
      return { ...failure, exit: EXIT.unauthorized }
    case 404:
      return { ...failure, exit: EXIT.notFound }
    case 429:
    case 502:
    case 503:
    case 504:
      return { ...failure, exit: EXIT.unreachable, hint: 'the broker is there, but not able to' }
    default:
      return { ...failure, exit: EXIT.failed }
  }
}
