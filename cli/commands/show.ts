// `webhook-broker show dlv_…`: one delivery with every attempt, one message, or one webhook, by the form of its id.

import { EXIT, UsageError } from '../exit.ts'
import { unwrap, type Context, type Kit } from '../kit.ts'
import { clean, pairs, table } from '../output.ts'
import {
  ATTEMPT_COLUMNS,
  attemptRow,
  DELIVERY_COLUMNS,
  deliveryRow,
  waitingOf,
} from '../present.ts'

export const addShow = ({ command, run }: Kit): void => {
  command('show <id>', 'show a delivery (dlv_…), a message (msg_…) or a webhook (wh_…)').action(
    run(async (context, [id = '']) => {
      const prefix = /^(dlv|msg|wh)_/.exec(id)?.[1]
      if (prefix === 'dlv') await showDelivery(context, id)
      else if (prefix === 'msg') await showMessage(context, id)
      else if (prefix === 'wh') return showWebhook(context, id)
      else throw new UsageError('an id begins with dlv_, msg_ or wh_')
      return EXIT.ok
    }),
  )
}

const showDelivery = async ({ client, out }: Context, id: string): Promise<void> => {
  const delivery = unwrap(await client.GET('/api/v0/deliveries/{id}', { params: { path: { id } } }))
  if (out.json) {
    out.value(delivery)
    return
  }
  const lines = pairs([
    ['delivery', delivery.id],
    ['status', delivery.status + (delivery.inFlight ? ' (in flight)' : '')],
    ['event', delivery.eventName],
    ['url', delivery.webhookUrl],
    ['message', delivery.messageId],
    ['webhook', delivery.webhookId],
    ['created', delivery.createdAt],
    ['delivered', delivery.firstDeliveredAt ?? '-'],
    ['waiting', waitingOf(delivery) || '-'],
  ])
  for (const line of lines) out.line(line)
  if (delivery.attempts.length === 0) return
  out.line('')
  for (const line of table(ATTEMPT_COLUMNS, delivery.attempts.map(attemptRow))) out.line(line)
  for (const { number, responseBody, detail } of delivery.attempts) {
    const said = responseBody === null || responseBody === '' ? detail : responseBody
    if (said !== null && said !== '') out.line(`attempt ${number}: ${clean(said)}`)
  }
}

const showMessage = async ({ client, out }: Context, id: string): Promise<void> => {
  const message = unwrap(await client.GET('/api/v0/messages/{id}', { params: { path: { id } } }))
  if (out.json) {
    out.value(message)
    return
  }
  const lines = pairs([
    ['message', message.id],
    ['event', message.eventName],
    ['created', message.createdAt],
    ['type', message.contentType],
    ['size', `${message.size} bytes`],
    ['payload', message.payload],
  ])
  for (const line of lines) out.line(line)
  out.line('')
  for (const line of table(DELIVERY_COLUMNS, message.deliveries.map(deliveryRow))) out.line(line)
}

const PAGE_SIZE = 200

/** The API finds a webhook by its event; from the id alone it is looked up in the list. */
const showWebhook = async ({ client, out }: Context, id: string) => {
  let cursor: string | null = null
  do {
    const query = { page_size: PAGE_SIZE, ...(cursor === null ? {} : { cursor }) }
    const page: {
      webhooks: { id: string }[]
      nextCursor: string | null
    } = unwrap(await client.GET('/api/v0/webhooks', { params: { query } }))
    const found = page.webhooks.find((webhook) => webhook.id === id)
    if (found !== undefined) {
      if (out.json) out.value(found)
      else {
        const entries = Object.entries(found).map(
          ([name, value]: [string, unknown]) =>
            [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
        )
        for (const line of pairs(entries)) out.line(line)
      }
      return EXIT.ok
    }
    cursor = page.nextCursor
  } while (cursor !== null)
  out.note(`webhook-broker: there is no webhook ${id}`)
  return EXIT.notFound
}
