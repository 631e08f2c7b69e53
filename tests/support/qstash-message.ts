// A message as a request to QStash describes it: its options are headers.

import { randomUUID } from 'node:crypto'

export type QstashMessage = {
  messageId: string
  url: string
  body: string
  headers: Record<string, string>
  deduplicationId: string | undefined
  delayMs: number
  retries: number
}

export type BatchEntry = { destination: string; headers: Record<string, string>; body: string }

/** @throws Error for a delay that QStash would refuse */
export const fromBatch = ({ destination, headers, body }: BatchEntry): QstashMessage => {
  const option = (name: string) => headers[`upstash-${name}`]
  const notBefore = option('not-before')
  return {
    messageId: `msg_${randomUUID()}`,
    url: destination,
    body,
    headers,
    deduplicationId: option('deduplication-id'),
    delayMs:
      notBefore === undefined
        ? parseDelay(option('delay') ?? '0s')
        : Math.max(0, Number(notBefore) * 1_000 - Date.now()),
    retries: Number(option('retries') ?? 3),
  }
}

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const parseDelay = (text: string): number => {
  const match = /^(\d+)([smhd])$/.exec(text)
  if (match === null) throw new Error(`QStash takes no delay of ${text}`)
  return Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]
}
