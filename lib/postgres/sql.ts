// Fragments that several statements share.

/**
 * A time as whole milliseconds since 1970, rounded up: a time that is handed out must never lie before the one that
 * the next statement compares with, or a job would come back a fraction too early.
 */
export const ms = (expression: string): string =>
  `ceil(1000 * extract(epoch from ${expression}))::float8`

/** An SQL interval from a parameter that counts milliseconds. */
export const interval = (parameter: string): string => `${parameter} * interval '1 millisecond'`

/** The driver wants a Buffer to send bytea; this is one without a copy. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/**
 * The id of a delivery, derived: the time of its message, then a hash of message and webhook. So a statement that makes
 * deliveries can be repeated after a lost connection without making anything twice, whoever supplied the URLs.
 */
export const deliveryId = (message: string, webhook: string): string =>
  `'dlv_' || substr(${message}, 5, 10) || left(encode(sha256(convert_to(${message} || ${webhook}, 'UTF8')), 'hex'), 16)`
