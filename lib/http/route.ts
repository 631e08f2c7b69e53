// How a route is declared: once, with its scope, its schemas and its documentation, so that a route without an
// authorization rule does not compile and the OpenAPI document cannot say something else than the code.

import type { Context, MiddlewareHandler } from 'hono'
import type * as z from 'zod'
import type { Scope } from '../domain/api-key.ts'
import { BrokerError, type ErrorCode, type FieldFault } from '../domain/errors.ts'
import type { App, AppEnv } from './env.ts'
import { readJson } from './body.ts'

/** `public` routes lie outside /api/v0 and ask for no key. */
export type RouteScope = Scope | 'public'

/** `contentType` is that of JSON when absent. */
export type ResponseDoc = { description: string; schema?: z.ZodType; contentType?: string }

export type RouteSpec = {
  method: 'get' | 'post' | 'patch' | 'delete'
  /** As in OpenAPI: `/api/v0/webhooks/{eventName}`. */
  path: string
  scope: RouteScope
  summary: string
  description?: string
  tag: 'webhooks' | 'events' | 'log' | 'operation'
  query?: z.ZodObject
  headers?: z.ZodObject
  /** Read and checked before the handler runs. */
  body?: z.ZodType
  /** Read by the handler itself, as bytes; only documented here. */
  rawBody?: { description: string; example: unknown }
  bodyExample?: unknown
  responses: Record<number, ResponseDoc>
  /** The codes of the problems that it answers with, beside those of every route. */
  problems: readonly ErrorCode[]
}

type Parsed<S extends RouteSpec> = {
  query: S['query'] extends z.ZodType ? z.output<S['query']> : undefined
  body: S['body'] extends z.ZodType ? z.output<S['body']> : undefined
}

export type Handler<S extends RouteSpec> = (
  c: Context<AppEnv>,
  parsed: Parsed<S>,
) => Promise<Response> | Response

/** A path of OpenAPI as the router writes it. */
export const routePath = (path: string): string => path.replace(/\{(\w+)\}/g, ':$1')

/** Gives a route its handler. */
export const mount = <S extends RouteSpec>(app: App, spec: S, handler: Handler<S>): void => {
  app.on(spec.method.toUpperCase(), routePath(spec.path), requireScope(spec.scope), async (c) => {
    const query = spec.query === undefined ? undefined : check(spec.query, readQuery(c))
    const body = spec.body === undefined ? undefined : check(spec.body, await readJson(c.req.raw))
    return handler(c, { query, body } as Parsed<S>)
  })
}

const requireScope =
  (scope: RouteScope): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    if (scope !== 'public' && !c.get('caller').scopes.includes(scope)) {
      throw new BrokerError('forbidden', `this needs a key with the scope "${scope}"`)
    }
    await next()
  }

/** A parameter that is given twice is a mistake, not a choice. */
const readQuery = (c: Context<AppEnv>): Record<string, string> => {
  const values: Record<string, string> = {}
  for (const [name, given] of Object.entries(c.req.queries())) {
    const [value] = given
    if (given.length > 1 || value === undefined) {
      throw new BrokerError('invalid_request', 'a query parameter is not valid', {
        faults: [{ field: name, message: 'is given more than once' }],
      })
    }
    values[name] = value
  }
  return values
}

/** @throws BrokerError `invalid_request` that names every faulty field */
const check = <T extends z.ZodType>(schema: T, value: unknown): z.output<T> => {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const faults = result.error.issues.flatMap(toFaults)
  const fields = faults.map(({ field }) => field).join(', ')
  throw new BrokerError('invalid_request', `not valid: ${fields}`, { faults })
}

const toFaults = (issue: z.core.$ZodIssue): FieldFault[] => {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: [...path, key].join('.'),
      message: 'there is no such field',
    }))
  }
  return [{ field: path.join('.') || 'body', message: issue.message }]
}
