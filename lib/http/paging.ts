// Pages: strict whole numbers (`10abc` is a mistake, not 10), and cursors that only we can read.

import * as z from 'zod'
import { fieldError } from '../domain/errors.ts'

const whole = (min: number, max: number, byDefault: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`)
    .optional()
    .transform((value) => value ?? byDefault)
    .meta({
      type: 'integer',
      minimum: min,
      maximum: max,
      // zod leaves `default` out of the input side of a transform.
      description: `${byDefault} when absent`,
    })

const MAX_OFFSET = 999_999_999

export const pageSize = whole(1, 200, 50)
export const offset = whole(0, MAX_OFFSET, 0)
export const cursor = z
  .string()
  .min(1, 'must not be empty')
  .max(512, 'is not a cursor of ours')
  .optional()
  .meta({ description: 'the nextCursor of the page before' })

/** A cursor for the caller: opaque, and of one version so that it can change. */
export const encodeCursor = (parts: readonly string[]): string =>
  Buffer.from(JSON.stringify([1, ...parts])).toString('base64url')

const DATABASE_TIME =
  /^([1-9]\d{3}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,6})?[+-](?:0\d|1[0-4])(?::[0-5]\d)?$/

/** Whether this is a time as Postgres prints it, with microseconds, and one that it reads back (no 30 February). */
export const isDatabaseTime = (text: string): boolean => {
  const [, day = '', time = ''] = DATABASE_TIME.exec(text) ?? []
  const parsed = new Date(`${day}T${time}Z`)
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(`${day}T${time}`)
}

/**
 * Reads a cursor back.
 *
 * @param rules what each part must be, since a caller may have made it up
 * @throws BrokerError `invalid_request` naming `cursor`
 */
export const decodeCursor = (
  text: string,
  rules: readonly ((part: string) => boolean)[],
): string[] => {
  const bad = fieldError('invalid_request', 'cursor', 'is not a cursor of ours')
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    throw bad
  }
  if (!Array.isArray(value) || value[0] !== 1 || value.length !== rules.length + 1) throw bad
  return rules.map((isRight, index) => {
    const part: unknown = value[index + 1]
    if (typeof part !== 'string' || !isRight(part)) throw bad
    return part
  })
}
