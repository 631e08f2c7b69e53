// Holds answers against the OpenAPI document: the status is one that it names, the body fits its schema, the code of a
// problem is one that it names for this route.

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { openApiDocument, type Operation } from '../../lib/http/openapi.ts'
import type { Answer } from './api-kit.ts'

export type Documented = { method: string; path: string; name: string; operation: Operation }

/** Every operation of the document. */
export const operations = (): Documented[] =>
  Object.entries(openApiDocument().paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      name: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  )

type Content = Record<string, { schema: object }>
type Response = { description: string; content?: Content }

const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)
ajv.addSchema({ $id: 'document', components: openApiDocument()['components'] })

const validators = new Map<string, ValidateFunction>()
const validatorOf = (schema: object): ValidateFunction => {
  const text = JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/')
  const known = validators.get(text) ?? ajv.compile(JSON.parse(text) as object)
  validators.set(text, known)
  return known
}

/** @returns what is wrong with an answer, or undefined */
export const faultOf = (operation: Operation, answer: Answer): string | undefined => {
  const response = operation.responses[String(answer.status)] as Response | undefined
  if (answer.status >= 500) return `${answer.status}: ${answer.text}`
  if (response === undefined) return `${answer.status} is not documented: ${answer.text}`
  if (!answer.headers.get('x-request-id')) return 'there is no x-request-id'
  const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
  if (response.content === undefined) return answer.text === '' ? undefined : 'there is a body'
  const media = response.content[type]
  if (media === undefined) return `${answer.status} as ${type} is not documented`
  const validate = validatorOf(media.schema)
  const value = /json$/.test(type) ? answer.json : answer.text
  if (!validate(value)) return `${answer.status}: ${ajv.errorsText(validate.errors)}`
  return answer.status < 400 ? undefined : problemFault(response, answer)
}

const problemFault = ({ description }: Response, { json, status }: Answer) => {
  const code = String(json['code'])
  if (json['status'] !== status) return `a problem of status ${String(json['status'])}`
  return description.split(', ').includes(code) ? undefined : `${code} is not documented here`
}
