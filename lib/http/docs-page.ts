// The OpenAPI document as one static page: no script, no other host.

import { html, raw } from 'hono/html'
import type { OpenApiDocument, Operation } from './openapi.ts'

export const DOCS_STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
pre { overflow-x: auto; }
code { font: 0.9em ui-monospace, monospace; }
section { border-top: 1px solid; padding: 0.5rem 0 1rem; }
h2 { font-size: 1.1rem; margin: 0.5rem 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th { width: 14rem; }
th, td { text-align: left; vertical-align: top; padding: 0.2rem 1rem 0.2rem 0; }
`

/** Renders the document; every text in it is escaped. */
export const docsPage = ({ info, paths }: OpenApiDocument) =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${info.title}</title>
        <link rel="stylesheet" href="/docs/style.css" />
      </head>
      <body>
        <h1>${info.title}</h1>
        <p>${info.description}</p>
        <p>The same as a document for tools: <a href="/openapi.json">/openapi.json</a></p>
        ${Object.entries(paths).flatMap(([path, operations]) =>
          Object.entries(operations).map(([method, operation]) => section(path, method, operation)),
        )}
      </body>
    </html>`

const section = (path: string, method: string, operation: Operation) =>
  html`<section>
    <h2><code>${method.toUpperCase()} ${path}</code></h2>
    <p>${operation.summary}. Scope: <code>${operation['x-scope']}</code>.</p>
    ${operation.description === undefined ? raw('') : html`<p>${operation.description}</p>`}
    <pre><code>${example(path, method, operation)}</code></pre>
    <table>
      ${operation.parameters.map(
        ({ name, in: where, required }) =>
          html`<tr>
            <th><code>${name}</code></th>
            <td>${where}${required ? ', required' : ''}</td>
          </tr>`,
      )}
      ${Object.entries(operation.responses).map(
        ([status, { description }]) =>
          html`<tr>
            <th>${status}</th>
            <td>${description}</td>
          </tr>`,
      )}
    </table>
  </section>`

type Body = { content: Record<string, { example?: unknown }> }

/** The request that the document shows, as a line to paste; a test sends the same one. */
const example = (path: string, method: string, operation: Operation): string => {
  const values = new Map(operation.parameters.map(({ name, example: value }) => [name, value]))
  const filled = path.replace(/\{(\w+)\}/g, (_all, name: string) => String(values.get(name)))
  const body = (operation['requestBody'] as Body | undefined)?.content['application/json']?.example
  const verb = method === 'get' ? '' : ` -X ${method.toUpperCase()}`
  const data =
    body === undefined
      ? ''
      : ` -H 'content-type: application/json' -d '${JSON.stringify(body).replaceAll("'", String.raw`'\''`)}'`
  const key = operation['x-scope'] === 'public' ? '' : ' -H "authorization: Bearer $BROKER_API_KEY"'
  return `curl -s${verb} "$BROKER_URL${filled}"${key}${data}`
}
