// Serves an app from Lambda: events of API Gateway (HTTP API and REST API, formats 1.0 and 2.0) and of function URLs
// become requests with the same path and the same bytes that a socket would have brought (hard cases O-NAME-1, O-BODY-3).

import type { App } from './env.ts'

type Named<T> = Record<string, T | undefined> | null

/** What is read of an event; tools and consoles leave out or null the rest, and some of this, too. */
type Shared = {
  version?: string
  headers?: Named<string>
  body?: string | null
  isBase64Encoded?: boolean
}
export type EventV2 = Shared & {
  rawPath: string
  rawQueryString: string
  requestContext: { domainName?: string; http: { method: string } }
}
export type EventV1 = Shared & {
  httpMethod: string
  path: string
  multiValueHeaders?: Named<string[]>
  queryStringParameters?: Named<string>
  multiValueQueryStringParameters?: Named<string[]>
  requestContext?: { domainName?: string }
}
export type HttpEvent = EventV1 | EventV2
export type HttpResult = {
  statusCode: number
  headers: Record<string, string>
  body: string
  isBase64Encoded: boolean
}

/** Makes the handler of a function. Both formats take the same answer. */
export const handleHttp =
  (app: App): ((event: HttpEvent) => Promise<HttpResult>) =>
  async (event) =>
    toResult(await app.fetch(toRequest(event)))

// Nothing looks at the host; what the event says about it may be no host at all.
const ORIGIN = 'https://broker'

const toRequest = (event: HttpEvent): Request => {
  const { method, path, query } = 'rawPath' in event ? targetV2(event) : targetV1(event)
  const headers = readHeaders(event)
  const body = method === 'GET' || method === 'HEAD' ? undefined : readBytes(event)
  // What a gateway says about the length may be that of the base64.
  headers.delete('content-length')
  if (body !== undefined) headers.set('content-length', String(body.byteLength))
  const url = `${ORIGIN}${path.startsWith('/') ? path : `/${path}`}${query === '' ? '' : `?${query}`}`
  return new Request(url, { method, headers, ...(body === undefined ? {} : { body }) })
}

const targetV2 = (event: EventV2) => ({
  method: event.requestContext.http.method,
  path: isDecoded(event) ? encodePath(event.rawPath) : event.rawPath,
  query: event.rawQueryString,
})

const targetV1 = (event: EventV1) => ({
  method: event.httpMethod,
  path: isDecoded(event) ? encodePath(event.path) : event.path,
  query: encodeQuery(event),
})

/**
 * An HTTP API decodes the path, in both formats; a REST API, a function URL and serverless-offline leave it as it came
 * (honojs/hono#2156, fastify/aws-lambda-fastify#169, middleapi/standard-server#93). Only a REST event has no version.
 */
const isDecoded = (event: HttpEvent): boolean =>
  event.version !== undefined &&
  !/\.lambda-url\.|^offlineContext/.test(event.requestContext?.domainName ?? '')

/** The inverse of decoding once, so that the app can decode once. A slash that was encoded is a slash for good. */
const encodePath = (path: string): string =>
  wellFormed(path).split('/').map(encodeURIComponent).join('/')

/** A lone surrogate, which cannot be encoded, becomes U+FFFD. */
const wellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8')

const encodeQuery = (event: EventV1): string => {
  const query = new URLSearchParams()
  const many = event.multiValueQueryStringParameters
  for (const [name, values] of Object.entries(many ?? {})) {
    for (const value of values ?? []) query.append(name, value)
  }
  if (many === null || many === undefined) {
    for (const [name, value] of Object.entries(event.queryStringParameters ?? {})) {
      if (value !== undefined) query.append(name, value)
    }
  }
  return query.toString()
}

const readHeaders = (event: HttpEvent): Headers => {
  const headers = new Headers()
  const many = 'multiValueHeaders' in event ? event.multiValueHeaders : {}
  for (const [name, values] of Object.entries(many ?? {})) {
    for (const value of values ?? []) headers.append(name, asWireText(value))
  }
  for (const [name, value] of Object.entries(event.headers ?? {})) {
    if (value !== undefined && !headers.has(name)) headers.set(name, asWireText(value))
  }
  return headers
}

/** A socket brings the bytes of a header as Latin-1, an event as UTF-8; a `Headers` takes only the former. */
const asWireText = (value: string): string => Buffer.from(value, 'utf8').toString('latin1')

const readBytes = ({ body, isBase64Encoded }: HttpEvent): Uint8Array<ArrayBuffer> | undefined =>
  typeof body === 'string' && body !== ''
    ? new Uint8Array(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'))
    : undefined

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const toResult = async (response: Response): Promise<HttpResult> => {
  const bytes = await response.arrayBuffer()
  const shared = { statusCode: response.status, headers: Object.fromEntries(response.headers) }
  try {
    return { ...shared, body: utf8.decode(bytes), isBase64Encoded: false }
  } catch {
    return { ...shared, body: Buffer.from(bytes).toString('base64'), isBase64Encoded: true }
  }
}
