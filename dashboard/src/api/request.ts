// The project's own client, pointed at the broker that served this page. The key goes to this origin only, and is kept in
// session storage: it is gone with the tab.

import { ApiError, makeClient, UnreachableError } from '../../../client/client.ts'
import { apiError } from '../../../client/errors.ts'
import type { Problem } from './types.ts'

const STORAGE_KEY = 'webhook-broker.key'

export const readKey = (): string | null => sessionStorage.getItem(STORAGE_KEY)
export const keepKey = (key: string): void => sessionStorage.setItem(STORAGE_KEY, key)
export const forgetKey = (): void => sessionStorage.removeItem(STORAGE_KEY)

const onUnauthorized = new Set<() => void>()

/** Told when the broker does not take the key (any more). @returns the way to stop listening */
export const whenUnauthorized = (listener: () => void): (() => void) => {
  onUnauthorized.add(listener)
  return () => onUnauthorized.delete(listener)
}

/** One try: a person looks on, and the views ask again by themselves. */
export const broker = makeClient({
  baseUrl: location.origin,
  retry: { attempts: 1 },
  fetch: async (request) => {
    const key = readKey()
    if (key !== null) request.headers.set('authorization', `Bearer ${key}`)
    const response = await fetch(request)
    if (response.status === 401) for (const listener of [...onUnauthorized]) listener()
    return response
  },
})

type Answered<T> = { data?: T; error?: unknown; response: Response }

/** @throws ApiError for any answer that is no success, UnreachableError when none came */
export const answer = async <T>(asked: Promise<Answered<T>>): Promise<T> => {
  const { data, error, response } = await asked
  if (!response.ok) throw apiError(response, error)
  return data as T
}

/** The status that the broker answered with; undefined when it did not answer. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof ApiError ? error.status : undefined

/** What to show a person of whatever went wrong. */
export const problemFrom = (error: unknown): Problem => {
  if (error instanceof ApiError && error.problem !== undefined) return error.problem
  const base = { status: 0, errors: [], requestId: '' }
  if (error instanceof UnreachableError) {
    const detail = 'Check that it runs and that this machine reaches it. This page asks again.'
    return { ...base, title: 'The broker does not answer', code: 'unreachable', detail }
  }
  const detail = error instanceof Error ? error.message : String(error)
  return error instanceof ApiError
    ? { ...base, title: 'No answer from the broker', status: error.status, code: 'unknown', detail }
    : { ...base, title: 'Something in this page went wrong', code: 'page_error', detail }
}
