// `webhook-broker register upload_image https://example.com/hook`

import { InvalidArgumentError } from 'commander'
import { EXIT } from '../exit.ts'
import { unwrap, whole, type Kit } from '../kit.ts'
import { clean } from '../output.ts'

type Options = {
  description?: string
  header?: Record<string, string>
  timeoutMs?: number
  rateLimit?: { limit: number; perSeconds: number }
  maxInFlight?: number
}

export const addRegister = ({ command, run }: Kit): void => {
  command('register <eventName> <url>', 'send events of this name to this URL')
    .option('--description <text>')
    .option('--header <name: value>', 'sent with every attempt; may be given several times', header)
    .option('--timeout-ms <ms>', 'for one attempt', whole(1, 60_000))
    .option('--rate-limit <n/seconds>', 'at most n attempts in so many seconds', rateLimit)
    .option('--max-in-flight <n>', 'at most n attempts at once', whole(1, 10_000))
    .action(
      run<Options>(async ({ client, out }, [eventName = '', webhookUrl = ''], options) => {
        const { header: headers, ...rest } = settings(options)
        const answer = await client.POST('/api/v0/webhooks', {
          body: { eventName, webhookUrl, ...rest, ...(headers === undefined ? {} : { headers }) },
        })
        const webhook = unwrap(answer)
        if (out.json) out.value(webhook)
        else {
          const known = answer.response.status === 200 ? 'was registered before' : 'registered'
          out.line(`${known}: ${webhook.id}  ${webhook.eventName} -> ${clean(webhook.webhookUrl)}`)
          if ('secret' in webhook) {
            out.line(`secret: ${webhook.secret}`)
            out.note('The secret is shown this once. The receiver needs it to verify signatures.')
          }
        }
        return EXIT.ok
      }),
    )
}

/** What was given, and nothing else of commander's. */
const settings = ({ description, header, timeoutMs, rateLimit, maxInFlight }: Options) => ({
  ...(description === undefined ? {} : { description }),
  ...(header === undefined ? {} : { header }),
  ...(timeoutMs === undefined ? {} : { timeoutMs }),
  ...(rateLimit === undefined ? {} : { rateLimit }),
  ...(maxInFlight === undefined ? {} : { maxInFlight }),
})

const header = (text: string, before: Record<string, string> = {}): Record<string, string> => {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? []
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('It must be like "x-team: media".')
  }
  return { ...before, [name]: value }
}

const rateLimit = (text: string): { limit: number; perSeconds: number } => {
  const [, limit, perSeconds] = /^(\d+)\/(\d+)$/.exec(text) ?? []
  if (limit === undefined) throw new InvalidArgumentError('It must be like 100/60.')
  return { limit: Number(limit), perSeconds: Number(perSeconds) }
}
