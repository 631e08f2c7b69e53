// A receiver to try things with: `npm run listen -- --port 4000 [--secret whsec_…] [--status 500] [--host 127.0.0.1]`.
// Prints what arrives and, when it is given the secret, whether the signature verifies.

import { createServer, type IncomingMessage } from 'node:http'
import { parseArgs } from 'node:util'
import { Webhook } from 'standardwebhooks'
import { BrokerError } from '../lib/domain/errors.ts'
import { isSecret, SECRET_RULE } from '../lib/domain/signature.ts'
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
    throw new BrokerError('invalid_request', `--secret: ${SECRET_RULE}`)
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

const settings = configured(readSettings)

await runProcess(STOP_TIMEOUT_MS, async ({ onStop }) => {
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const headers = headersOf(request)
      console.log(
        [
          `${new Date().toISOString()} ${request.method ?? ''} ${request.url ?? ''} -> ${settings.status}`,
          `  webhook-id  ${headers['webhook-id'] ?? '(none)'}`,
          `  event       ${headers['webhook-event'] ?? '(none)'}, attempt ${headers['webhook-attempt'] ?? '?'}`,
          `  signature   ${judgeSignature(settings.verifier, body, headers)}`,
          `  body        ${body.toString('utf8')}`,
        ].join('\n'),
      )
      response.writeHead(settings.status).end()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = `port ${settings.port} is in use; choose another one with --port`
      reject(error.code === 'EADDRINUSE' ? new BrokerError('conflict', taken) : error)
    })
    server.listen(settings.port, settings.host, resolve)
  })
  onStop('http', () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(() => resolve()))
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : settings.port
  console.log(`listening on http://${settings.host}:${port}`)
})
