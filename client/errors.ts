// What the client throws. A trigger whose failure goes unnoticed is a lost event, so failures are thrown, not returned.

import type { components } from './schema.ts'

export type Problem = components['schemas']['Problem']

/** The broker answered, and refused. `code` is stable (docs/errors.md); `message` is for people. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly problem: Problem | undefined
  readonly requestId: string | undefined

  /** @param problem undefined when something other than the broker answered, such as a proxy */
  constructor(response: Response, problem: Problem | undefined) {
    super(problem?.detail ?? `the broker's address answered ${response.status}`)
    this.name = 'ApiError'
    this.status = response.status
    this.code = problem?.code ?? 'unknown'
    this.problem = problem
    this.requestId = problem?.requestId ?? response.headers.get('x-request-id') ?? undefined
  }
}

/** No answer came, after every try. What was asked may or may not have happened: repeat it with the same key. */
export class UnreachableError extends Error {
  readonly attempts: number

  constructor(url: string, attempts: number, cause: unknown) {
    const { origin } = new URL(url)
    super(`no answer from ${origin} in ${attempts} ${attempts === 1 ? 'try' : 'tries'}`, { cause })
    this.name = 'UnreachableError'
    this.attempts = attempts
  }
}

/** Makes the error of an answer that openapi-fetch returned as `error`. */
export const apiError = (response: Response, error: unknown): ApiError =>
  new ApiError(response, isProblem(error) ? error : undefined)

const isProblem = (error: unknown): error is Problem =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  typeof error.code === 'string' &&
  'detail' in error &&
  typeof error.detail === 'string'
