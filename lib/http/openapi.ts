// The OpenAPI 3.1 document, made from the declarations of the routes: it cannot say something else than the code.

import * as z from 'zod'
import type { ErrorCode } from '../domain/errors.ts'
import { EXAMPLES } from './examples.ts'
import { PROBLEMS } from './problem.ts'
import type { RouteSpec } from './route.ts'
import { auditSpec, deliveriesSpec, deliverySpec, messagesSpec, messageSpec } from './routes/log.ts'
import { changeSpec, findSpec, removeSpec, rotateSpec, testSpec } from './routes/manage.ts'
import { cancelSpec, replaySpec } from './routes/replay.ts'
import { statsSpec } from './routes/stats.ts'
import { findReplaySpec, startReplaySpec } from './routes/replays.ts'
import { triggerSpec } from './routes/trigger.ts'
import { listOfEventSpec, listSpec, registerSpec } from './routes/webhooks.ts'
import { docsSpec, documentSpec, healthSpec, metricsSpec, readySpec } from './site-specs.ts'
import { webhooksOfDocument } from './schemas-events.ts'

/** Those under /api/v0. */
export const API_ROUTES: readonly RouteSpec[] = [
  registerSpec,
  listSpec,
  listOfEventSpec,
  findSpec,
  changeSpec,
  removeSpec,
  rotateSpec,
  testSpec,
  triggerSpec,
  deliveriesSpec,
  deliverySpec,
  replaySpec,
  cancelSpec,
  messagesSpec,
  startReplaySpec,
  findReplaySpec,
  messageSpec,
  statsSpec,
  auditSpec,
]

/** Those that the document is about: beside the API's what programs ask of the process itself. */
export const DOCUMENTED_ROUTES: readonly RouteSpec[] = [
  ...API_ROUTES,
  healthSpec,
  readySpec,
  metricsSpec,
  documentSpec,
  docsSpec,
]

export type Operation = {
  summary: string
  description?: string
  'x-scope': string
  parameters: {
    name: string
    in: string
    required: boolean
    schema: unknown
    description?: string
    example?: unknown
  }[]
  responses: Record<string, { description: string }>
  [key: string]: unknown
}

export type OpenApiDocument = {
  openapi: string
  info: { title: string; version: string; description: string }
  paths: Record<string, Record<string, Operation>>
  [key: string]: unknown
}

let document: OpenApiDocument | undefined

/** Made once, at the first request for it. */
export const openApiDocument = (): OpenApiDocument => (document ??= build())

const build = (): OpenApiDocument => {
  const paths: OpenApiDocument['paths'] = {}
  for (const spec of DOCUMENTED_ROUTES) (paths[spec.path] ??= {})[spec.method] = operation(spec)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Webhook broker',
      version: '0',
      description:
        'Register "event name -> URL", fire events; each is delivered to each URL: signed, retried, logged.',
    },
    security: [{ key: [] }],
    paths,
    webhooks: webhooksOfDocument(),
    components: {
      schemas: components(),
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
    },
  }
}

// Every route may answer with these: of the API, and outside it.
const COMMON: readonly ErrorCode[] = [
  'unauthorized',
  'forbidden',
  'log_unavailable',
  'internal_error',
]
const COMMON_PUBLIC: readonly ErrorCode[] = ['internal_error']

const operation = (spec: RouteSpec): Operation => ({
  operationId: operationId(spec),
  tags: [spec.tag],
  summary: spec.summary,
  ...(spec.description === undefined ? {} : { description: spec.description }),
  'x-scope': spec.scope,
  // No key, where the document as a whole asks for one.
  ...(spec.scope === 'public' ? { security: [] } : {}),
  parameters: [
    ...pathParameters(spec.path),
    ...parameters(spec.query, 'query'),
    ...parameters(spec.headers, 'header'),
  ],
  ...requestBody(spec),
  responses: { ...successes(spec), ...failures(spec) },
})

const pathParameters = (path: string) =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
    example: pathExample(path, name),
  }))

// The shape whose example has the id, by the folder of the path.
const IDENTIFIED: Record<string, string> = {
  webhooks: 'Webhook',
  deliveries: 'Delivery',
  messages: 'Message',
  replays: 'Replay',
}

const pathExample = (path: string, name: string): unknown => {
  const folder = path.split('/')[3] ?? ''
  const example = EXAMPLES[IDENTIFIED[folder] ?? 'Webhook'] as Record<string, unknown> | undefined
  return example?.[name]
}

const operationId = ({ method, path }: RouteSpec): string =>
  method +
  path
    .replace('/api/v0', '')
    .replace(/[{}]/g, '')
    .replace(/[/.-](\w)/g, (_all, letter: string) => letter.toUpperCase())

type JsonSchema = { properties?: Record<string, unknown>; required?: string[] }

const toJsonSchema = (schema: z.ZodType, io: 'input' | 'output'): JsonSchema =>
  bare(z.toJSONSchema(schema, { io, unrepresentable: 'any' }))

// What belongs to a schema that stands alone: here each is a part of the document.
const bare = (schema: object): JsonSchema =>
  Object.fromEntries(
    Object.entries(schema).filter(([key]) => !['$schema', '$id', 'id', '$defs'].includes(key)),
  )

const parameters = (schema: z.ZodObject | undefined, where: 'query' | 'header') => {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = toJsonSchema(schema, 'input')
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: required.includes(name),
    schema: property,
  }))
}

const requestBody = (spec: RouteSpec): Record<string, unknown> => {
  if (spec.rawBody !== undefined) {
    const { description, example } = spec.rawBody
    return {
      requestBody: {
        description,
        required: false,
        content: { 'application/json': { schema: {}, example } },
      },
    }
  }
  if (spec.body === undefined) return {}
  const schema = toJsonSchema(spec.body, 'input')
  const example = spec.bodyExample === undefined ? {} : { example: spec.bodyExample }
  return {
    requestBody: { required: true, content: { 'application/json': { schema, ...example } } },
  }
}

const reference = (schema: z.ZodType) => {
  const id = schema.meta()?.id
  return id === undefined ? toJsonSchema(schema, 'output') : { $ref: `#/components/schemas/${id}` }
}

const successes = (spec: RouteSpec) =>
  Object.fromEntries(
    Object.entries(spec.responses).map(
      ([status, { description, schema, contentType = 'application/json' }]) => [
        status,
        schema === undefined
          ? { description }
          : { description, content: { [contentType]: { schema: reference(schema) } } },
      ],
    ),
  )

/** One answer per status, which names the codes that it may carry. */
const failures = (spec: RouteSpec) => {
  const byStatus = new Map<number, ErrorCode[]>()
  const isDecoded = spec.path.includes('{') || spec.body !== undefined
  const decoded: ErrorCode[] = isDecoded ? ['invalid_encoding'] : []
  const common = spec.scope === 'public' ? COMMON_PUBLIC : COMMON
  for (const code of new Set([...common, ...decoded, ...spec.problems])) {
    const { status } = PROBLEMS[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.join(', '),
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      },
    ]),
  )
}

/** Every schema that has a name, once; they refer to each other by it. */
const components = (): Record<string, unknown> => {
  const { schemas } = z.toJSONSchema(z.globalRegistry, {
    uri: (id) => `#/components/schemas/${id}`,
    unrepresentable: 'any',
  })
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => [
      id,
      { ...bare(schema), examples: [EXAMPLES[id]] },
    ]),
  )
}
