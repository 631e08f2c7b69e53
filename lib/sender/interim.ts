// Lets receivers send `100 Continue` although nobody asked: RFC 9110 §15.2 obliges a client to read it and go on, but
// undici 7 drops the connection. It reads past 102, so that is what it gets to see. Touches no other response.

const PREFIX = Buffer.from('HTTP/1.1 1', 'latin1')
const END_OF_HEAD = Buffer.from('\r\n\r\n', 'latin1')
const ZERO = 0x30
const TWO = 0x32

/**
 * Rewrites every `100` at the front of the bytes to `102`, in place.
 *
 * @param bytes what a socket gave while the final response had not begun
 * @returns whether the final response may still be to come
 */
export const maskContinue = (bytes: Buffer): boolean => {
  let at = 0
  while (at < bytes.length) {
    const digits = at + PREFIX.length
    if (bytes.compare(PREFIX, 0, PREFIX.length, at, Math.min(digits, bytes.length)) !== 0) {
      return false
    }
    if (bytes[digits] === ZERO && bytes[digits + 1] === ZERO) bytes[digits + 1] = TWO
    const end = bytes.indexOf(END_OF_HEAD, digits)
    if (end === -1) return true
    at = end + END_OF_HEAD.length
  }
  return true
}
