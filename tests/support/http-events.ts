// The events that API Gateway and function URLs make of one request, each with its own idea of the path and the body.

import type { EventV1, EventV2, HttpEvent } from '../../lib/http/lambda.ts'

export type HttpRequest = {
  method: string
  /** As the caller wrote it, percent-encoded. */
  path: string
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: string | Uint8Array
  base64?: boolean
}

const bodyOf = ({ body, base64 = false }: HttpRequest) => ({
  body:
    body === undefined
      ? null
      : base64
        ? Buffer.from(body as string).toString('base64')
        : Buffer.from(body as string).toString('utf8'),
  isBase64Encoded: base64,
})

/** HTTP API, format 2.0: the path is decoded. */
export const httpApiV2 = (request: HttpRequest): EventV2 => ({
  version: '2.0',
  rawPath: decodeURIComponent(request.path),
  rawQueryString: new URLSearchParams(request.query).toString(),
  headers: request.headers ?? {},
  requestContext: {
    domainName: 'abc123.execute-api.eu-central-1.amazonaws.com',
    http: { method: request.method },
  },
  ...bodyOf(request),
})

/** A function URL: format 2.0, the path as it was written. */
export const functionUrl = (request: HttpRequest): EventV2 => ({
  ...httpApiV2(request),
  rawPath: request.path,
  requestContext: {
    domainName: 'abc123.lambda-url.eu-central-1.on.aws',
    http: { method: request.method },
  },
})

/** REST API: format 1.0, the path as it was written, the query decoded, headers with all their values. */
export const restApiV1 = (request: HttpRequest): EventV1 => ({
  httpMethod: request.method,
  path: request.path,
  headers: request.headers ?? null,
  multiValueHeaders: Object.fromEntries(
    Object.entries(request.headers ?? {}).map(([name, value]) => [name, [value]]),
  ),
  queryStringParameters: request.query ?? null,
  multiValueQueryStringParameters:
    request.query === undefined
      ? null
      : Object.fromEntries(Object.entries(request.query).map(([name, value]) => [name, [value]])),
  requestContext: { domainName: 'abc123.execute-api.eu-central-1.amazonaws.com' },
  ...bodyOf(request),
})

/** HTTP API, format 1.0: like a REST API's, but with a version and a decoded path. */
export const httpApiV1 = (request: HttpRequest): EventV1 => ({
  ...restApiV1(request),
  version: '1.0',
  path: decodeURIComponent(request.path),
})

export const EVENT_MAKERS: [string, (request: HttpRequest) => HttpEvent][] = [
  ['HTTP API 2.0', httpApiV2],
  ['HTTP API 1.0', httpApiV1],
  ['REST API', restApiV1],
  ['function URL', functionUrl],
]
