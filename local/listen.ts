// A receiver to try things with: `npm run listen -- --port 4000 [--secret whsec_…] [--status 500] [--host 127.0.0.1]`.
// Prints what arrives and, when it is given the secret, whether the signature verifies.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { Webhook } from 'standardwebhooks'
import { blockOf, readRequest, type Received } from '../cli/listen/block.ts'
import { cannotListen } from '../cli/listen/receiver.ts'
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

const judgeSignature = (verifier: Webhook | undefined, { body, headers }: Received): string => {
  if (verifier === undefined) return 'not checked (give --secret to check it)'
  try {
    verifier.verify(body, headers)
    return 'valid'
  } catch (error) {
    return `NOT VALID: ${error instanceof Error ? error.message : String(error)}`
  }
}

const answer = async (
  settings: Settings,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  try {
    const received = await readRequest(request)
    const signature = judgeSignature(settings.verifier, received)
    console.log(blockOf(received, settings.status, signature))
    response.writeHead(settings.status).end()
  } catch (error) {
    // The sender went away in the middle of its request. That is its affair; the next one is served.
    console.log(`${new Date().toISOString()} broken off: ${describeError(error)}`)
  }
}

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
