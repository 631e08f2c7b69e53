// The kinds of values that variables hold. A blank variable counts as unset.

import * as z from 'zod'

export const blankIsUnset = (value: unknown) =>
  typeof value === 'string' && value.trim() === '' ? undefined : value

export const text = z.preprocess(blankIsUnset, z.string().trim().optional())
export const flag = z.preprocess(
  blankIsUnset,
  z
    .enum(['1', 'true', 'on', 'yes', '0', 'false', 'off', 'no'], 'must be on or off')
    .optional()
    .transform((value) => ['1', 'true', 'on', 'yes'].includes(value ?? '')),
)
export const whole = (range: { min: number; max: number; byDefault: number }) =>
  z.preprocess(
    blankIsUnset,
    z
      .string()
      .trim()
      .regex(/^\d{1,15}$/, 'must be a whole number')
      .transform(Number)
      .pipe(
        z
          .number()
          .min(range.min, `must be at least ${range.min}`)
          .max(range.max, `must be at most ${range.max}`),
      )
      .optional()
      .transform((value) => value ?? range.byDefault),
  )
export const parsed = <T>(
  parse: (value: string) => T | undefined,
  rule: string,
  byDefault: string,
) =>
  z.preprocess(
    (value) => blankIsUnset(value) ?? byDefault,
    z.string().transform((value, context) => {
      const result = parse(value)
      if (result === undefined) {
        context.addIssue({ code: 'custom', message: rule })
        return z.NEVER
      }
      return result
    }),
  )
export const url = (schemes: readonly string[]) =>
  z.preprocess(
    blankIsUnset,
    z
      .string()
      .trim()
      .refine(
        (value) => URL.canParse(value) && schemes.includes(new URL(value).protocol),
        `must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`,
      )
      .optional(),
  )

export const parseFraction = (value: string): number | undefined =>
  /^(?:0(?:\.\d+)?|1(?:\.0+)?)$/.test(value.trim()) ? Number(value) : undefined

/** Nothing is no port: then there is no listener. */
export const parsePort = (value: string): { port: number | undefined } | undefined => {
  if (value === '') return { port: undefined }
  return /^\d{1,5}$/.test(value.trim()) && Number(value) <= 65_535
    ? { port: Number(value) }
    : undefined
}

const KEY_BYTES = 32
export const parseSecretKeys = (value: string): Uint8Array[] | undefined => {
  if (value === '') return []
  const keys = value.split(',').map((part) => part.trim())
  if (keys.some((key) => !/^[A-Za-z0-9+/]{43}=$/.test(key))) return undefined
  const bytes = keys.map((key) => new Uint8Array(Buffer.from(key, 'base64')))
  return bytes.every(({ byteLength }) => byteLength === KEY_BYTES) ? bytes : undefined
}
