// The headers of one attempt: custom ones first, then ours, which nothing can override (O-SEC-2).

import type { SecretBox } from '../domain/secret-box.ts'
import { sign } from '../domain/signature.ts'
import { isReservedHeader } from '../domain/webhook.ts'
import type { Claim } from './ports.ts'

/**
 * @param nowMs the time of this attempt by the database clock: a fresh timestamp and signature each time
 * @returns header names in lower case
 */
export const attemptHeaders = (
  { secretBox, userAgent }: { secretBox: Pick<SecretBox, 'open'>; userAgent: string },
  claim: Claim,
  nowMs: number,
): Record<string, string> => {
  const timestamp = Math.floor(nowMs / 1000)
  const secrets = claim.sealedSecrets.map((sealed) => secretBox.open(sealed, claim.webhookId))
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(claim.headers)) {
    // Refused at registration; asked again because the list of our own headers may have grown since.
    if (!isReservedHeader(name)) headers[name] = value
  }
  headers['content-type'] = claim.contentType
  headers['user-agent'] = userAgent
  headers['webhook-id'] = claim.messageId
  headers['webhook-timestamp'] = String(timestamp)
  headers['webhook-signature'] = sign({
    messageId: claim.messageId,
    timestamp,
    payload: claim.payload,
    secrets,
  })
  headers['webhook-event'] = claim.eventName
  headers['webhook-delivery-id'] = claim.deliveryId
  headers['webhook-attempt'] = String(claim.attemptNumber)
  if (claim.traceparent !== null) headers['traceparent'] = claim.traceparent
  return headers
}
