// Whether a request comes from QStash: its signature covers the very bytes of the body and our address, and is a few
// minutes old at most. The only authorization of our entrance, so whatever cannot be verified is refused.

import { Receiver } from '@upstash/qstash'

export type VerifierSettings = {
  currentSigningKey: string
  /** Tried second, so that the keys can be rotated at QStash before they are here. */
  nextSigningKey: string
  /** The address that was published to, as a signature names it. */
  destination: string
}

/** @param body the bytes as they came: a body that was parsed and written again has another hash */
export type VerifyMessage = (body: Uint8Array, signature: string | undefined) => Promise<boolean>

// Between our clock and QStash's.
const CLOCK_TOLERANCE_S = 5

export const makeQstashVerifier = (settings: VerifierSettings): VerifyMessage => {
  const { currentSigningKey, nextSigningKey, destination } = settings
  // devMode: otherwise QSTASH_DEV of the environment would have it trust keys that everybody knows.
  const receiver = new Receiver({ currentSigningKey, nextSigningKey, devMode: false })
  return async (body, signature) => {
    if (signature === undefined) return false
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
      return await receiver.verify({
        signature,
        body: text,
        url: destination,
        clockTolerance: CLOCK_TOLERANCE_S,
      })
    } catch {
      // Forged, expired, of other keys, for another address, or no token at all: to the caller they are one.
      return false
    }
  }
}
