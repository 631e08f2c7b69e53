import { Validator } from '@seriousme/openapi-schema-validator'
import * as z from 'zod'
import { describe, expect, it } from 'vitest'
import { EXAMPLES } from '../../lib/http/examples.ts'
import { DOCUMENTED_ROUTES, openApiDocument } from '../../lib/http/openapi.ts'
import * as eventSchemas from '../../lib/http/schemas-events.ts'
import * as logSchemas from '../../lib/http/schemas-log.ts'
import * as replaySchemas from '../../lib/http/schemas-replay.ts'
import * as webhookSchemas from '../../lib/http/schemas-webhooks.ts'
import * as schemas from '../../lib/http/schemas.ts'
import * as statsSchemas from '../../lib/http/stats-schemas.ts'

const modules = {
  ...schemas,
  ...webhookSchemas,
  ...logSchemas,
  ...replaySchemas,
  ...statsSchemas,
  ...eventSchemas,
}
const named = Object.values(modules).flatMap((schema) => {
  const id = schema instanceof z.ZodType ? schema.meta()?.id : undefined
  return schema instanceof z.ZodType && id !== undefined ? [[id, schema] as const] : []
})

describe('examples', () => {
  it('exist for every named schema, and for nothing else', () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual(named.map(([id]) => id).sort())
  })

  it.each(named)('of %s fit its schema', (id, schema) => {
    expect(schema.safeParse(EXAMPLES[id]).error?.issues).toBeUndefined()
  })
})

describe('the document', () => {
  const document = openApiDocument()

  it('is OpenAPI 3.1, by its published schema', async () => {
    const validator = new Validator()
    const result = await validator.validate({ ...document })
    expect(result).toEqual({ valid: true })
    expect(validator.version).toBe('3.1')
  })

  it('refers only to schemas that it holds', () => {
    const text = JSON.stringify(document)
    const referred = new Set(
      [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name),
    )
    const held = Object.keys((document['components'] as { schemas: object }).schemas)
    expect(held).toEqual(expect.arrayContaining([...referred]))
    // What is named here would point to nothing outside this document.
    expect(text).not.toContain('$defs')
  })

  it('gives each operation an id, a scope, a success and the problems that every route may have', () => {
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
    expect(operations).toHaveLength(DOCUMENTED_ROUTES.length)
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
    for (const operation of operations) {
      expect(operation['x-scope']).toMatch(/^(trigger|read|manage|public)$/)
      const statuses = Object.keys(operation.responses)
      expect(statuses.some((status) => status.startsWith('2'))).toBe(true)
      // What lies outside the API asks for no key; only whether it is ready depends on a store.
      const isPublic = operation['x-scope'] === 'public'
      expect(operation['security']).toEqual(isPublic ? [] : undefined)
      const every = isPublic ? ['500'] : ['401', '403', '500', '503']
      expect(statuses).toEqual(expect.arrayContaining(every))
    }
  })

  it('names the parameters of every path', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      for (const { parameters } of Object.values(methods)) {
        const declared = parameters.filter((parameter) => parameter.in === 'path')
        expect(declared.map(({ name }) => name)).toEqual(inPath)
        expect(declared.every(({ required }) => required)).toBe(true)
      }
    }
  })

  it('says what the broker itself sends, under the name of each event', () => {
    expect(Object.keys(document['webhooks'] as object)).toEqual([
      'broker.webhook.disabled',
      'broker.webhook.failing',
      'broker.webhook.recovered',
      'broker.delivery.dead',
    ])
  })

  it('says which values a page may have', () => {
    const list = document.paths['/api/v0/webhooks']?.['get']
    expect(list?.parameters.find(({ name }) => name === 'page_size')).toMatchObject({
      in: 'query',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 200, description: '50 when absent' },
    })
  })
})
