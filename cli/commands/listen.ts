// `webhook-broker listen upload_image`: a receiver for as long as it runs. It registers itself, prints and verifies what
// arrives, answers as it is told, and removes its registration when it ends.

import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { InvalidArgumentError } from 'commander'
import { verify, type Verified } from '../../client/verify.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { unwrap, whole, type Context, type Kit } from '../kit.ts'
import { blockOf, type Received } from '../listen/block.ts'
import { startLocalReceiver } from '../listen/receiver.ts'

type Options = { host: string; port: number; status: number; url?: string }

export const addListen = ({ command, run }: Kit): void => {
  command('listen <eventName>', 'receive events here until ctrl-C, verify and print them')
    .option('--host <host>', 'where to listen', '127.0.0.1')
    .option('--port <port>', 'where to listen; 0 is any free port', whole(0, 65_535), 0)
    .option('--status <status>', 'what to answer', whole(200, 599), 200)
    .option(
      '--url <url>',
      'register this URL (a tunnel to here) instead of the local one',
      publicUrl,
    )
    .action(
      run<Options>((context, [eventName = ''], options) => listen(context, eventName, options)),
    )
}

const listen = async (context: Context, eventName: string, options: Options): Promise<ExitCode> => {
  const stopping = context.stopSignal()
  // Nobody else has registered this path, so the answer holds a secret; and a stranger does not know it.
  const path = `/${randomUUID()}`
  let secret: string | undefined
  const receiver = await startLocalReceiver({
    ...options,
    onRequest: (received) => {
      // A tunnel may put something before it.
      if (!received.url.endsWith(path)) return 404
      return show(context, received, { secret, status: options.status })
    },
  })
  try {
    const webhook = await register(context, eventName, (options.url ?? receiver.url) + path)
    secret = webhook.secret
    try {
      ready(context, { url: receiver.url, id: webhook.id, eventName })
      await aborted(stopping)
    } finally {
      await remove(context, eventName, webhook.id)
    }
  } finally {
    await receiver.close()
  }
  return EXIT.ok
}

const register = async ({ client }: Context, eventName: string, webhookUrl: string) => {
  const description = `webhook-broker listen on ${hostname()}, process ${process.pid}`
  const webhook = unwrap(
    await client.POST('/api/v0/webhooks', { body: { eventName, webhookUrl, description } }),
  )
  if (!('secret' in webhook)) throw new Error(`${webhookUrl} was registered by somebody else`)
  return webhook
}

const ready = (
  { out, baseUrl }: Context,
  { url, id, eventName }: { url: string; id: string; eventName: string },
): void => {
  if (out.json) out.value({ kind: 'listening', url, eventName, webhookId: id }, 'one of many')
  else {
    out.line(`listening on ${url} for "${eventName}" as ${id}; ctrl-C removes it`)
    out.note(`from ${baseUrl}; try: webhook-broker trigger ${eventName} --data '{"n":1}'`)
  }
}

/** @returns what to answer: the chosen status to the broker, 401 to everybody else */
const show = (
  { out }: Context,
  received: Received,
  { secret, status }: { secret: string | undefined; status: number },
): number => {
  // The broker may be faster than the answer that holds the secret: it then comes again.
  if (secret === undefined) return 503
  const result = verify({ secret, headers: received.headers, body: received.body })
  const answer = result.ok ? status : 401
  if (out.json) {
    out.value({ kind: 'received', status: answer, ...facts(result, received) }, 'one of many')
  } else {
    out.line(blockOf(received, answer, result.ok ? 'valid' : `NOT VALID: ${result.detail}`))
  }
  return answer
}

const facts = (result: Verified, { at, headers, body }: Received) => ({
  at: at.toISOString(),
  signature: result.ok ? 'valid' : result.reason,
  messageId: headers['webhook-id'] ?? null,
  eventName: headers['webhook-event'] ?? null,
  deliveryId: headers['webhook-delivery-id'] ?? null,
  attempt: Number(headers['webhook-attempt'] ?? 0),
  body: body.toString('utf8'),
})

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

const remove = async ({ client, out }: Context, eventName: string, id: string): Promise<void> => {
  try {
    const { response, error } = await client.DELETE('/api/v0/webhooks/{eventName}/{id}', {
      params: { path: { eventName, id } },
    })
    // 404: somebody was faster.
    if (!response.ok && response.status !== 404) unwrap({ response, error })
  } catch (error) {
    out.note(`not removed: webhook-broker remove ${eventName} ${id}`)
    throw error
  }
  if (out.json) out.value({ kind: 'removed', webhookId: id }, 'one of many')
  else out.line(`removed ${id}`)
}

const publicUrl = (text: string): string => {
  if (!/^https?:\/\/[^?#]+$/.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('It must be an http(s) URL without query.')
  }
  return text.replace(/\/+$/, '')
}
