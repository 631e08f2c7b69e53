// What a receiver on a terminal prints for one request, readable without a manual. Shared by `webhook-broker listen` and
// `npm run listen`.

import type { IncomingMessage } from 'node:http'
import { clean } from '../output.ts'

export type Received = {
  at: Date
  method: string
  url: string
  headers: Readonly<Record<string, string>>
  body: Buffer
}

export const readRequest = async (request: IncomingMessage): Promise<Received> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return {
    at: new Date(),
    method: request.method ?? '',
    url: request.url ?? '',
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    ),
    body: Buffer.concat(chunks),
  }
}

/** @param signature what was found about it, in words */
export const blockOf = (received: Received, status: number, signature: string): string => {
  const { at, method, url, headers, body } = received
  return [
    `${at.toISOString()} ${method} ${clean(url)} -> ${status}`,
    `  webhook-id  ${clean(headers['webhook-id'] ?? '(none)')}`,
    `  event       ${clean(headers['webhook-event'] ?? '(none)')}, attempt ${clean(headers['webhook-attempt'] ?? '?')}`,
    `  signature   ${signature}`,
    `  body        ${clean(body.toString('utf8'))}`,
  ].join('\n')
}
