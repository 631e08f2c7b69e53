// A receiver to try things with: `npm run listen -- --port 4000 [--secret whsec_…] [--status 500] [--host 127.0.0.1]`.
// Prints what arrives and, when it is given the secret, whether the signature verifies.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { Webhook } from 'standardwebhooks'
import { BrokerError } from '../lib/domain/errors.ts'
import { isSecret, SECRET_RULE } from '../lib/domain/signature.ts'
import { describeError } from '../lib/logger.ts'
import { configured } from './configured.ts'
import { runProcess } from './lifecycle.ts'

const STOP_TIMEOUT_MS = 2_000

type Settings = { host: string; port: number; status: number; verifier: Webhook | undefined }

const whole = (name: string, text: string, [min, max]: [number, number]): number => {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new BrokerError('invalid_request', `--${name} must be a whole number from ${min} to ${max}`)
}

const readSettings = (): Settings => {
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '4000' },
      status: { type: 'string', default: '200' },
      secret: { type: 'string' },
    },
  })
  const { secret } = values
  if (secret !== undefined && !isSecret(secret)) {
    throw new BrokerError('invalid_request', `--secret is not usable: ${SECRET_RULE}`)
  }
  return {
    host: values.host,
    port: whole('port', values.port, [0, 65_535]),
    status: whole('status', values.status, [200, 599]),
    verifier: secret === undefined ? undefined : new Webhook(secret),
  }
}

const readAll = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const headersOf = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))

const judgeSignature = (
  verifier: Webhook | undefined,
  body: Buffer,
  headers: Record<string, string>,
): string => {
  if (verifier === undefined) return 'not checked (give --secret to check it)'
  try {
    verifier.verify(body, headers)
    return 'valid'
  } catch (error) {
    return `NOT VALID: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** One block for each request, readable without a manual. */
const describe = (settings: Settings, request: IncomingMessage, body: Buffer): string => {
  const headers = headersOf(request)
  return [
    `${new Date().toISOString()} ${request.method ?? ''} ${request.url ?? ''} -> ${settings.status}`,
    `  webhook-id  ${headers['webhook-id'] ?? '(none)'}`,
    `  event       ${headers['webhook-event'] ?? '(none)'}, attempt ${headers['webhook-attempt'] ?? '?'}`,
    `  signature   ${judgeSignature(settings.verifier, body, headers)}`,
    `  body        ${body.toString('utf8')}`,
  ].join('\n')
}

const answer = async (
  settings: Settings,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  try {
    const body = await readAll(request)
    console.log(describe(settings, request, body))
    response.writeHead(settings.status).end()
  } catch (error) {
    // The sender went away in the middle of its request. That is its affair; the next one is served.
    console.log(`${new Date().toISOString()} broken off: ${describeError(error)}`)
  }
}

const cannotListen = ({ host, port }: Settings, error: NodeJS.ErrnoException): Error =>
  error.code === 'EADDRINUSE'
    ? new BrokerError('conflict', `port ${port} is in use; choose another one with --port`)
    : new BrokerError('invalid_request', `cannot listen on ${host}, port ${port}`, { cause: error })

const settings = configured(readSettings)

await runProcess(STOP_TIMEOUT_MS, async ({ onStop }) => {
  const server = createServer((request, response) => void answer(settings, request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(settings, error)))
    server.listen(settings.port, settings.host, resolve)
  })
  onStop('http', () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(() => resolve()))
  })
  const { port } = server.address() as AddressInfo
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  console.log(`listening on http://${host}:${port}`)
})
