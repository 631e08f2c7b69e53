// A real sender with the settings of a test, and the request that most tests send.

import type { SendRequest } from '../../lib/broker/ports.ts'
import { parseCidrs } from '../../lib/domain/address-guard.ts'
import type { SendOutcome } from '../../lib/domain/attempt.ts'
import type { Resolve } from '../../lib/sender/resolve.ts'
import { makeSender, type WebhookSender } from '../../lib/sender/webhook-sender.ts'

export type SenderSettings = {
  /** BROKER_ALLOWED_CIDRS; 127.0.0.1 alone when absent. */
  allowed?: string
  resolve?: Resolve
  elapsedMs?: () => number
  maxIdleConnections?: number
}

export const startSender = (settings: SenderSettings = {}): WebhookSender => {
  const { allowed = '127.0.0.1/32', elapsedMs = () => performance.now(), ...rest } = settings
  const allowedCidrs = parseCidrs(allowed)
  if (allowedCidrs === undefined) throw new Error(`not a list of ranges: ${allowed}`)
  return makeSender({ policy: { allowedCidrs }, clock: { elapsedMs }, ...rest })
}

export const requestTo = (url: string, change: Partial<SendRequest> = {}): SendRequest => ({
  url,
  headers: { 'content-type': 'application/json', 'webhook-id': 'msg_1' },
  body: Buffer.from('{"a":1}'),
  timeoutMs: 5_000,
  mayStillSend: () => true,
  ...change,
})

/** The outcome in one word: the status of an answer, or the code of a failure. */
export const gist = (outcome: SendOutcome): number | string =>
  outcome.kind === 'answered' ? outcome.response.statusCode : outcome.code

/** @throws when there was no answer */
export const answerOf = (outcome: SendOutcome) => {
  if (outcome.kind !== 'answered') throw new Error(`no answer: ${JSON.stringify(outcome)}`)
  return outcome.response
}
