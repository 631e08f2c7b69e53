// Writes client/schema.ts from the OpenAPI document: `npm run client:types`. A test calls the same function and compares,
// so a route that changes without its types is noticed.

import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import openapiTS, { astToString } from 'openapi-typescript'
import { format, resolveConfig } from 'prettier'
import { openApiDocument } from '../lib/http/openapi.ts'

export const TYPES_FILE = 'client/schema.ts'

const HEADER = `// Generated from the OpenAPI document by \`npm run client:types\`. Do not edit: change the route and run it again.

`

/** The text that the file should have. */
export const clientTypes = async (): Promise<string> => {
  // By way of text: the generator takes plain JSON, and the document is typed more narrowly than its input.
  const document = JSON.stringify(openApiDocument())
  const types = astToString(await openapiTS(document, { exportType: true, silent: true }))
  const config = await resolveConfig(TYPES_FILE)
  return format(HEADER + types, { ...config, parser: 'typescript' })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [before, after] = [readIfThere(TYPES_FILE), await clientTypes()]
  writeFileSync(TYPES_FILE, after)
  console.log(`${TYPES_FILE}: ${before === after ? 'was up to date' : 'written anew'}`)
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
