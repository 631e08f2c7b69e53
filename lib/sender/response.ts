// What is kept of a response: its status, the headers worth keeping, the first bytes of its body. Bounded in every way.

import type { ReceivedResponse } from '../domain/attempt.ts'
import { isSecretHeader } from '../domain/redact.ts'

export const MAX_READ_BYTES = 65_536
export const MAX_KEPT_BYTES = 8_192
const MAX_HEADERS = 64
const MAX_HEADER_CHARS = 8_192

type RawHeaders = Readonly<Record<string, string | string[] | undefined>>

export type ResponseRecorder = {
  /** Whether a final status has arrived: from then on the receiver has spoken. */
  hasStatus(): boolean
  start(statusCode: number, headers: RawHeaders): void
  /** Copies what is kept: the parser uses the memory again. @returns false when enough was read */
  add(chunk: Buffer): boolean
  /** @param bodyBroken whether the body was not read to its end */
  finish(bodyBroken: boolean): ReceivedResponse
}

export const makeResponseRecorder = (): ResponseRecorder => {
  let statusCode = 0
  let headers: Record<string, string> = {}
  const kept: Buffer[] = []
  let keptBytes = 0
  let readBytes = 0
  return {
    hasStatus: () => statusCode !== 0,
    start: (status, raw) => {
      statusCode = status
      headers = keepHeaders(raw)
    },
    add: (chunk) => {
      readBytes += chunk.length
      if (keptBytes < MAX_KEPT_BYTES) {
        const part = Buffer.from(chunk.subarray(0, MAX_KEPT_BYTES - keptBytes))
        kept.push(part)
        keptBytes += part.length
      }
      return readBytes <= MAX_READ_BYTES
    },
    finish: (bodyBroken) => ({ statusCode, headers, body: joined(kept), bodyBroken }),
  }
}

const joined = (parts: readonly Buffer[]): Uint8Array => {
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
}

/** Lower-case names; no cookies or credentials. Retry-After first, since the plan of the next attempt needs it. */
const keepHeaders = (raw: RawHeaders): Record<string, string> => {
  const kept: Record<string, string> = {}
  let count = 0
  let chars = 0
  for (const name of ['retry-after', ...Object.keys(raw)]) {
    const value = raw[name]
    if (value === undefined || name in kept || isSecretHeader(name)) continue
    const text = typeof value === 'string' ? value : value.join(', ')
    if (count >= MAX_HEADERS || chars + name.length + text.length > MAX_HEADER_CHARS) continue
    kept[name] = text
    count += 1
    chars += name.length + text.length
  }
  return kept
}
