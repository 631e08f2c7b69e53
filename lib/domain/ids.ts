// Ids are a prefix and a ULID in lower case: they sort by time and are legal BullMQ job ids (no colon, not all
// digits; BullMQ 6.7 throws on both). Clock and randomness come in as arguments.

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz'
const TIME_CHARS = 10
const RANDOM_BYTES = 16

export type IdPrefix = 'wh' | 'msg' | 'dlv' | 'rpl' | 'req'

/** How many random bytes `makeId` consumes: one per character, of which it uses five bits. */
export const ID_RANDOM_BYTES = RANDOM_BYTES

/**
 * @param prefix what the id names
 * @param nowMs milliseconds since 1970; the first ten characters
 * @param random at least 16 random bytes; the other sixteen characters (80 bits)
 * @returns for example `msg_01k9m6tqwd8f3v4e0s5n2x7abc`
 */
export const makeId = (prefix: IdPrefix, nowMs: number, random: Uint8Array): string => {
  let time = ''
  for (let rest = Math.floor(nowMs), i = 0; i < TIME_CHARS; i += 1) {
    time = CROCKFORD.charAt(rest % 32) + time
    rest = Math.floor(rest / 32)
  }
  let tail = ''
  for (let i = 0; i < RANDOM_BYTES; i += 1) tail += CROCKFORD.charAt((random[i] ?? 0) & 31)
  return `${prefix}_${time}${tail}`
}

/** The lowest id of a moment: everything older sorts before it. */
export const firstIdAt = (prefix: IdPrefix, atMs: number): string =>
  makeId(prefix, Math.max(0, atMs), new Uint8Array(RANDOM_BYTES))

/** Whether a text has the form of an id with this prefix, so that a path parameter can be refused early. */
export const isId = (prefix: IdPrefix, text: string): boolean =>
  text.length === prefix.length + 27 &&
  text.startsWith(`${prefix}_`) &&
  /^[0-9a-hjkmnp-tv-z]{26}$/.test(text.slice(prefix.length + 1))
