// Reads a CloudFormation template: enough to say in a test what is in it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json }
export type Properties = { [key: string]: Json }
export type Resource = { Type: string; Properties: Properties }
export type Template = {
  text: string
  resources: Record<string, Resource>
  outputs: Record<string, unknown>
}

/** @param packages the folder that packaging left */
export const readTemplate = (packages: string): Template => {
  const text = readFileSync(join(packages, 'cloudformation-template-update-stack.json'), 'utf8')
  const parsed = JSON.parse(text) as {
    Resources: Record<string, Resource>
    Outputs: Record<string, unknown>
  }
  return {
    text,
    resources: parsed.Resources,
    outputs: parsed.Outputs,
  }
}

/** The resources of one type, by their logical ids. */
export const ofType = (template: Template, type: string): [string, Properties][] =>
  Object.entries(template.resources)
    .filter(([, resource]) => resource.Type === type)
    .map(([id, resource]) => [id, resource.Properties])

/** The properties of one resource. */
export const propertiesOf = (template: Template, id: string): Properties => {
  const resource = template.resources[id]
  if (resource === undefined) throw new Error(`there is no ${id}`)
  return resource.Properties
}

/** What {Fn::GetAtt: [name, …]} and {Ref: name} point at, wherever in a value they stand. */
export const targetsIn = (value: Json): string[] => {
  if (Array.isArray(value)) return value.flatMap(targetsIn)
  if (typeof value !== 'object' || value === null) return []
  const attribute = value['Fn::GetAtt']
  if (Array.isArray(attribute)) return attribute.slice(0, 1) as string[]
  if (typeof value['Ref'] === 'string') return [value['Ref']]
  return Object.values(value).flatMap(targetsIn)
}

export type Statement = {
  Effect: string
  Action: string | string[]
  Resource: Json
  Principal?: Json
  Condition?: Json
}

/** Every statement that a role or a policy grants, by the role's logical id. */
export const statementsOf = (template: Template): { role: string; statement: Statement }[] => [
  ...ofType(template, 'AWS::IAM::Role').flatMap(([role, properties]) =>
    ((properties['Policies'] ?? []) as Policy[]).flatMap(({ PolicyDocument }) =>
      PolicyDocument.Statement.map((statement) => ({ role, statement })),
    ),
  ),
  ...ofType(template, 'AWS::IAM::Policy').flatMap(([, properties]) =>
    targetsIn(properties['Roles']).flatMap((role) =>
      (properties as unknown as Policy).PolicyDocument.Statement.map((statement) => ({
        role,
        statement,
      })),
    ),
  ),
]

type Policy = { PolicyDocument: { Statement: Statement[] } }
