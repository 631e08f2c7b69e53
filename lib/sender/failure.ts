// Turns what went wrong into a short stable code and a text for the delivery log. Judges by codes, never by messages,
// and shows none of them: the messages of Node name the addresses that a host name resolved to.

import { errors } from 'undici'
import type { OutcomeCode } from '../domain/attempt.ts'

export type Failure = {
  code: Exclude<OutcomeCode, 'http_status'>
  detail: string
  permanent: boolean
}

/** A failure that is decided where it happens: in the resolver or the address guard. */
export class SendError extends Error {
  readonly failure: Failure

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.detail, options)
    this.name = 'SendError'
    this.failure = failure
  }
}

/** How far the attempt had come. */
export type Stage = {
  secure: boolean
  /** The request began to be written, so there was a connection. */
  started: boolean
  /** Bytes of a response had arrived. */
  heard: boolean
}

const CODES: ReadonlyMap<string, Failure['code']> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['EHOSTUNREACH', 'refused'],
  ['ENETUNREACH', 'refused'],
  ['EHOSTDOWN', 'refused'],
  ['ENETDOWN', 'refused'],
  ['EADDRNOTAVAIL', 'refused'],
  ['EACCES', 'refused'],
  ['EPERM', 'refused'],
  ['ECONNRESET', 'reset'],
  ['ECONNABORTED', 'reset'],
  ['EPIPE', 'reset'],
  ['ETIMEDOUT', 'timeout'],
  ['EPROTO', 'tls'],
])

const TEXTS: Readonly<Record<Failure['code'], string>> = {
  timeout: 'the network gave up',
  dns: 'the host name did not resolve',
  refused: 'no connection was possible',
  reset: 'the connection was closed before a response',
  tls: 'TLS failed',
  blocked_address: 'the address must not be called',
  protocol: 'the answer is not HTTP, or its head is too large',
}

/** @returns what an error of undici, of a socket or of our own connector means */
export const classifyError = (error: Error, stage: Stage): Failure => {
  if (error instanceof SendError) return error.failure
  if (error instanceof errors.InvalidArgumentError) {
    return { code: 'protocol', detail: 'the request cannot be written as HTTP', permanent: false }
  }
  const raw = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  const code = codeOf(error, raw, stage)
  return { code, detail: `${TEXTS[code]} (${raw})`, permanent: false }
}

const codeOf = (error: Error, raw: string, stage: Stage): Failure['code'] => {
  const known = CODES.get(raw)
  if (known !== undefined) return known
  if (raw.startsWith('ERR_TLS_') || raw.startsWith('ERR_SSL_')) return 'tls'
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError) {
    return 'protocol'
  }
  // Certificates fail under dozens of OpenSSL names; none of them can occur after the request began.
  if (!stage.started) return stage.secure ? 'tls' : 'refused'
  return stage.heard ? 'protocol' : 'reset'
}
