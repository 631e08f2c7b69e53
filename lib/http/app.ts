// The frame of every HTTP app: request id, authentication before anything else, problem documents for whatever fails.

import { Hono, type Context, type MiddlewareHandler } from 'hono'
import type { Log } from '../broker/ports.ts'
import {
  findCaller,
  ALL_SCOPES,
  DEFAULT_TENANT,
  type ApiKey,
  type Caller,
} from '../domain/api-key.ts'
import { BrokerError } from '../domain/errors.ts'
import type { App, AppEnv } from './env.ts'
import { respondProblem } from './problem.ts'
import { routePath, type RouteSpec } from './route.ts'

export type AppDeps = {
  /** Undefined: no key is asked for, and every request is the tenant `default`. */
  keys: readonly ApiKey[] | undefined
  makeRequestId(): string
  log: Log
  /** Routes that another function serves: a wrong method on one of them is 405 here, too. */
  elsewhere?: readonly Pick<RouteSpec, 'method' | 'path'>[]
}

const ANYONE: Caller = { tenant: DEFAULT_TENANT, scopes: ALL_SCOPES }
const SANE_REQUEST_ID = /^[A-Za-z0-9._-]{8,128}$/

/** An app without routes. */
export const makeApp = (deps: AppDeps): App => {
  // The path as it came: parameters are then decoded exactly once (O-NAME-1).
  const app: App = new Hono<AppEnv>({ getPath: (request) => rawPath(request.url) })
  app.use(requestId(deps))
  app.use('/api/v0/*', authenticate(deps), decodable)
  app.onError((error, c) => {
    if (!(error instanceof BrokerError) || error.code === 'internal_error') {
      deps.log.error('http.failed', { requestId: c.get('requestId'), path: c.req.path, error })
    } else if (error.code === 'log_unavailable') {
      deps.log.warn('http.unavailable', { requestId: c.get('requestId'), path: c.req.path, error })
    }
    return respondProblem(c, error)
  })
  const elsewhere = (deps.elsewhere ?? []).map(({ method, path }) => ({
    method: method.toUpperCase(),
    path: routePath(path),
  }))
  app.notFound((c) => respondNotFound([...app.routes, ...elsewhere], c))
  return app
}

const rawPath = (url: string): string => {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (start === -1) return '/'
  const end = url.slice(start).search(/[?#]/)
  return end === -1 ? url.slice(start) : url.slice(start, start + end)
}

const requestId = ({ makeRequestId }: AppDeps): MiddlewareHandler<AppEnv> => {
  return async (c, next) => {
    const given = c.req.header('x-request-id')
    const id = given !== undefined && SANE_REQUEST_ID.test(given) ? given : makeRequestId()
    c.set('requestId', id)
    await next()
    c.res.headers.set('x-request-id', id)
  }
}

/** Lets known callers pass. Everything under /api/v0 goes through it; a route elsewhere asks for it. */
export const authenticate = ({ keys }: Pick<AppDeps, 'keys'>): MiddlewareHandler<AppEnv> => {
  return async (c, next) => {
    const caller = keys === undefined ? ANYONE : findCaller(c.req.header('authorization'), keys)
    if (caller === undefined) {
      throw new BrokerError(
        'unauthorized',
        'send a valid key in the header "Authorization: Bearer <key>"',
      )
    }
    c.set('caller', caller)
    await next()
  }
}

const decodable: MiddlewareHandler<AppEnv> = async (c, next) => {
  try {
    decodeURIComponent(c.req.path)
  } catch (cause) {
    throw new BrokerError('invalid_encoding', 'the path is not percent-encoded properly', { cause })
  }
  await next()
}

/** 405 where another method has a route, 404 elsewhere. */
const respondNotFound = (
  routes: readonly { method: string; path: string }[],
  c: Context<AppEnv>,
): Response => {
  const allowed = routes
    .filter(({ method, path }) => method !== 'ALL' && matches(path, c.req.path))
    .map(({ method }) => method)
  const allow = [...new Set(allowed)].filter((method) => method !== c.req.method)
  if (allow.length === 0) {
    return respondProblem(c, new BrokerError('not_found', 'there is no such route'))
  }
  const methods = allow.sort().join(', ')
  const response = respondProblem(
    c,
    new BrokerError('method_not_allowed', `this path takes ${methods}`),
  )
  response.headers.set('allow', methods)
  return response
}

const matches = (pattern: string, path: string): boolean => {
  const parts = pattern.split('/')
  const given = path.split('/')
  return (
    parts.length === given.length &&
    parts.every((part, index) =>
      part.startsWith(':') ? given[index] !== '' : part === given[index],
    )
  )
}
