// Hands deliveries to QStash, which calls our own entrance for each: ids only, so that payload, guard, signing and log
// stay ours. It decides nothing: when to attempt again is in the log, and is given here as a delay.

import { Client } from '@upstash/qstash'
import type { Clock, HandOver } from '../../broker/ports.ts'
import { BrokerError } from '../../domain/errors.ts'
import { TIMED_OUT, within } from '../../domain/time-limit.ts'

export type PublisherSettings = {
  /** QStash's own address when undefined. */
  url: string | undefined
  token: string
  /** Where QStash calls us. */
  destination: string
  /** How long QStash waits for our answer: longer than the slowest attempt. */
  answerTimeoutMs: number
  /** How many calls QStash makes at once, of all messages with this key together. The others wait with it. */
  flow: { key: string; parallelism: number }
}

const DEFAULT_URL = 'https://qstash.upstash.io'
const MESSAGES_PER_REQUEST = 100
// Together as many messages as one budget of the use case is for.
const REQUESTS_AT_ONCE = 10
const REQUEST_TIMEOUT_MS = 5_000
// A retry of QStash means only that our function failed: three are for a short outage, the sweep for a long one.
const RETRIES = 3

/** @throws BrokerError `queue_unavailable` when QStash did not confirm; some of them may have been taken all the same */
export const makeQstashPublisher = (
  settings: PublisherSettings,
  clock: Pick<Clock, 'after'>,
): HandOver => {
  const client = new Client({
    baseUrl: settings.url ?? DEFAULT_URL,
    token: settings.token,
    // Otherwise QSTASH_DEV of the environment would send messages to a server of its own.
    devMode: false,
    enableTelemetry: false,
    // One repeat, for the dead socket of a function that was frozen. The deduplication id makes it harmless.
    retry: { retries: 1, backoff: () => 50 },
  })
  const send = async (chunk: readonly Message[]) => {
    const answers = await client.batch(chunk.map((message) => request(settings, message)))
    const refused = answers.filter((answer) => !('messageId' in answer)).length
    if (refused > 0) throw new Error(`QStash refused ${refused} of ${chunk.length} messages`)
  }
  return async (messages) => {
    const chunks = inChunks(messages, MESSAGES_PER_REQUEST)
    for (const together of inChunks(chunks, REQUESTS_AT_ONCE)) {
      await Promise.all(together.map((chunk) => confirmed(clock, () => send(chunk))))
    }
  }
}

type Message = Parameters<HandOver>[0][number]

const request = ({ destination, answerTimeoutMs, flow }: PublisherSettings, message: Message) => {
  const { deliveryId, generation, delayMs } = message
  return {
    url: destination,
    body: JSON.stringify({ deliveryId, generation }),
    headers: { 'content-type': 'application/json' },
    // Remembered long after the message is gone: the generation makes each hand-over a new one.
    deduplicationId: `${deliveryId}-${generation}`,
    // Whole seconds, and never too early: that would cost a refused claim and another message.
    ...(delayMs > 0 ? { delay: Math.ceil(delayMs / 1_000) } : {}),
    retries: RETRIES,
    timeout: Math.ceil(answerTimeoutMs / 1_000),
    flowControl: flow,
  }
}

const inChunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )

// The client knows no timeout, and a request that hangs would hold a function until it is ended.
const confirmed = async (clock: Pick<Clock, 'after'>, run: () => Promise<void>): Promise<void> => {
  try {
    const answer = await within({ after: clock.after, limitMs: REQUEST_TIMEOUT_MS }, run)
    if (answer === TIMED_OUT) throw new Error(`no answer within ${REQUEST_TIMEOUT_MS} ms`)
  } catch (cause) {
    throw new BrokerError('queue_unavailable', 'QStash did not confirm', { cause })
  }
}
