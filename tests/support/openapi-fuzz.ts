// Requests made up from the OpenAPI document: mostly what it asks for, often nearly so, sometimes anything at all.

import fc from 'fast-check'
import { KEYS } from './api-kit.ts'
import type { Documented } from './openapi-check.ts'

/** What exists, so that a request also finds something. */
export type Known = { eventNames: string[]; ids: string[] }

export type MadeRequest = {
  path: string
  key: string | null
  headers: Record<string, string>
  body: string | Uint8Array | undefined
}

type Schema = {
  type?: string
  format?: string
  enum?: unknown[]
  anyOf?: Schema[]
  minimum?: number
  maximum?: number
  maxLength?: number
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  items?: Schema
}

const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
  fc.constantFrom(
    '',
    ' ',
    '\0',
    '-1',
    '1e9',
    'NaN',
    '0x10',
    '99999999999999999999',
    'true',
    "' or 1=1 --",
    '../..',
    '%00',
    '%',
    'é'.repeat(300),
    'x'.repeat(5_000),
    '9999-12-31T23:59:59.999Z',
    '0000-01-01T00:00:00Z',
    '2026-01-31T12:00:00+25:00',
    Buffer.from('[1,"dlv_00000000000000000000000000"]').toString('base64url'),
    Buffer.from('[1,{}]').toString('base64url'),
    Buffer.from('[1,"2026-02-30 00:00:00+00","wh_00000000000000000000000000"]').toString(
      'base64url',
    ),
  ),
)

const hostileJson = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(null, [], {}, '', 0, -1, 1e308, [[[[[[]]]]]], { __proto__: 1 }),
)

const time = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString())
const recentTime = fc
  .integer({ min: -4 * 86_400_000, max: 86_400_000 })
  .map((ms) => new Date(Date.now() + ms).toISOString())

/** A value that a schema describes, as far as it says. */
const valueOf = (schema: Schema, known: Known): fc.Arbitrary<unknown> => {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.anyOf !== undefined)
    return fc.oneof(...schema.anyOf.map((each) => valueOf(each, known)))
  switch (schema.type) {
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'integer':
    case 'number':
      return fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 1_000, 1e9) })
    case 'array':
      return fc.array(valueOf(schema.items ?? {}, known), { maxLength: 3 })
    case 'object':
      return objectOf(schema, known)
    case 'string':
      return schema.format === 'date-time' ? fc.oneof(time, recentTime) : textOf(known)
    case undefined:
    default:
      return hostileJson
  }
}

const textOf = ({ eventNames, ids }: Known): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom(...eventNames, 'never-heard-of'),
    fc.constantFrom(...ids),
    fc.webUrl(),
    fc.constantFrom('http://127.0.0.1:4000/h', 'http://10.0.0.1/', 'https://user:pw@a.example/'),
    hostileText,
  )

const objectOf = (schema: Schema, known: Known): fc.Arbitrary<unknown> => {
  const properties = Object.entries(schema.properties ?? {})
  if (properties.length === 0) {
    return fc.dictionary(fc.string({ maxLength: 10 }), fc.string({ maxLength: 10 }), { maxKeys: 3 })
  }
  const fields = Object.fromEntries(properties.map(([name, each]) => [name, valueOf(each, known)]))
  return fc.record(fields, { requiredKeys: schema.required ?? [] })
}

/** Nearly right: one field more, or one that is something else. */
const spoiled = (value: fc.Arbitrary<unknown>, names: string[]): fc.Arbitrary<unknown> =>
  fc
    .tuple(value, fc.constantFrom(...names, 'unknown'), hostileJson)
    .map(([made, name, other]) =>
      typeof made === 'object' && made !== null ? { ...made, [name]: other } : other,
    )

/** Whether it can be percent-encoded: no half of a surrogate pair. */
const isWellFormed = (text: string) => !/\p{Surrogate}/u.test(text)

// The URL parser takes a lone . or .. (and their escapes) for steps through folders.
const isSegment = (text: string) =>
  text !== '' && !/^(?:\.|%2e){1,2}$/i.test(text) && isWellFormed(text)

const segment = (known: Known): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...known.eventNames).map(encodeURIComponent) },
    { weight: 6, arbitrary: fc.constantFrom(...known.ids) },
    { weight: 3, arbitrary: hostileText.filter(isSegment).map(encodeURIComponent) },
    { weight: 1, arbitrary: fc.constantFrom('%zz', '%', '%C3', '%00', 'a%2Fb', '%252e') },
  )

/** A part of the path: what its name says, mostly. */
const pathPart = (name: string, known: Known): fc.Arbitrary<string> =>
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom(...(name === 'eventName' ? known.eventNames : known.ids)),
    },
    { weight: 2, arbitrary: segment(known) },
  )

type Parameter = Documented['operation']['parameters'][number]

const query = (parameters: Parameter[], known: Known): fc.Arbitrary<string> => {
  const each = parameters.map(({ name, schema }) =>
    fc.option(
      fc
        .oneof(
          { weight: 4, arbitrary: valueOf(schema as Schema, known).map(String) },
          { weight: 1, arbitrary: hostileText },
        )
        .filter(isWellFormed)
        .map((text) => `${name}=${encodeURIComponent(text)}`),
      { freq: 3 },
    ),
  )
  return fc
    .tuple(fc.tuple(...each), fc.option(fc.constantFrom('page_size=1', 'x=1'), { freq: 10 }))
    .map(([given, extra]) => [...given, extra].filter((part) => part !== null).join('&'))
}

type Body = { schema: Schema; example?: unknown }

const body = ({ operation }: Documented, known: Known): fc.Arbitrary<MadeRequest['body']> => {
  const content = (operation['requestBody'] as { content?: Record<string, Body> } | undefined)
    ?.content
  const described = content?.['application/json']
  if (described === undefined) return fc.constant(undefined)
  const value = valueOf(described.schema, known)
  const names = Object.keys(described.schema.properties ?? { body: {} })
  const text = (json: fc.Arbitrary<unknown>) => json.map((made) => JSON.stringify(made))
  return fc.oneof(
    { weight: 6, arbitrary: text(value) },
    { weight: 3, arbitrary: text(spoiled(value, names)) },
    { weight: 2, arbitrary: text(hostileJson) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, '', '{', '\ufeff{}', '"\\ud800"') },
  )
}

const HEADERS = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Record<string, string>>({}) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('key-1', 'key-2', ' ', 'x'.repeat(255), 'x'.repeat(256))
      .map((key) => ({ 'idempotency-key': key })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Record<string, string>>(
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/json; charset=latin1' },
      { 'content-encoding': 'gzip' },
      { traceparent: '00-zz' },
      { 'x-request-id': 'x'.repeat(200) },
      { accept: 'text/html' },
    ),
  },
)

/** Requests to one operation. */
export const requestsTo = (documented: Documented, known: Known): fc.Arbitrary<MadeRequest> => {
  const { path, operation } = documented
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query')
  return fc.record({
    path: fc
      .tuple(fc.tuple(...names.map((name) => pathPart(name, known))), query(inQuery, known))
      .map(([parts, text]) => {
        let index = -1
        const made = path.replace(/\{\w+\}/g, () => parts[(index += 1)] ?? '')
        return text === '' ? made : `${made}?${text}`
      }),
    key: fc.oneof(
      { weight: 12, arbitrary: fc.constant(KEYS.full) },
      { weight: 3, arbitrary: fc.constantFrom(...Object.values(KEYS)) },
      { weight: 1, arbitrary: fc.constantFrom(null, 'wrong', '') },
    ),
    headers: HEADERS,
    body: body(documented, known),
  })
}
