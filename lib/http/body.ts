// Reading request bodies: the limit is enforced while the bytes arrive, before anything is parsed.

import { BrokerError, fieldError } from '../domain/errors.ts'

const MAX_JSON_BYTES = 64 * 1024

/**
 * Reads a body of at most `maxBytes`.
 *
 * @throws BrokerError `payload_too_large`, or `unsupported_media_type` for any Content-Encoding
 */
export const readBody = async (request: Request, maxBytes: number): Promise<Uint8Array> => {
  if (request.headers.has('content-encoding')) {
    throw new BrokerError('unsupported_media_type', 'a Content-Encoding is not supported')
  }
  const declared = request.headers.get('content-length')
  if (declared !== null && Number(declared) > maxBytes) throw tooLarge(maxBytes)
  // A declared length is enforced by the server that parsed the request, if it is a length at all.
  if (declared !== null && /^\d+$/.test(declared))
    return new Uint8Array(await request.arrayBuffer())
  return request.body === null ? new Uint8Array() : readStream(request.body, maxBytes)
}

const readStream = async (stream: ReadableStream<Uint8Array>, maxBytes: number) => {
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(chunks)
    size += value.byteLength
    if (size > maxBytes) {
      await reader.cancel().catch(() => undefined)
      throw tooLarge(maxBytes)
    }
    chunks.push(value)
  }
}

const tooLarge = (maxBytes: number) =>
  new BrokerError('payload_too_large', `the body is larger than ${maxBytes} bytes`)

/** @throws BrokerError `unsupported_media_type`, `invalid_encoding`, `invalid_json`, `payload_too_large` */
export const readJson = async (request: Request): Promise<unknown> => {
  const contentType = request.headers.get('content-type')
  if (contentType !== null && !/^application\/(?:[\w.+-]+\+)?json(?:\s*;.*)?$/i.test(contentType)) {
    throw new BrokerError('unsupported_media_type', 'the content type must be application/json')
  }
  const bytes = await readBody(request, MAX_JSON_BYTES)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new BrokerError('invalid_encoding', 'the body is not valid UTF-8', { cause })
  }
  try {
    return JSON.parse(text, refuseProto) as unknown
  } catch (cause) {
    if (cause instanceof BrokerError) throw cause
    throw new BrokerError('invalid_json', 'the body is not JSON', { cause })
  }
}

/** A field of this name would vanish without a word on the way through the schemas. */
const refuseProto = (key: string, value: unknown): unknown => {
  if (key !== '__proto__') return value
  throw fieldError('invalid_request', '__proto__', 'there is no such field')
}
