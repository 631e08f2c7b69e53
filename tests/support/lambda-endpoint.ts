// The door of Lambda at which functions are invoked, as far as the kick uses it. It can also be broken or silent.

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type LambdaEndpoint = {
  url: string
  /** Each request so far: `POST /path (invocation type)`. */
  requests: string[]
  /** From now on: accept it, answer 500, or take the request and never answer. */
  become(mode: 'ok' | 'broken' | 'silent'): void
  /** Called when an invocation arrives, and awaited before it is answered. */
  onInvoke(look: () => Promise<void>): void
  close(): Promise<void>
}

/** What the SDK needs to reach it. */
export const lambdaEnvironment = (endpoint: { url: string }): Record<string, string> => ({
  AWS_ENDPOINT_URL_LAMBDA: endpoint.url,
  AWS_REGION: 'eu-central-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  // Lambda's own Node is newer than the oldest one that the tests run on.
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
})

export const startLambdaEndpoint = async (): Promise<LambdaEndpoint> => {
  let mode: 'ok' | 'broken' | 'silent' = 'ok'
  let onInvoke = () => Promise.resolve()
  const requests: string[] = []
  const answer = (response: ServerResponse) => {
    if (mode === 'silent') return
    if (mode === 'ok') response.writeHead(202).end()
    else response.writeHead(500, { 'x-amzn-errortype': 'ServiceException' }).end('{}')
  }
  const server = createServer((request, response) => {
    const type = String(request.headers['x-amz-invocation-type'])
    requests.push(`${request.method} ${request.url} (${type})`)
    request.resume().on('end', () => void onInvoke().then(() => answer(response)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    become: (next) => {
      mode = next
    },
    onInvoke: (look) => {
      onInvoke = look
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
