// The shapes of the API (query parameters snake_case, JSON fields camelCase, times ISO 8601 UTC), and how our own
// values become them: what all of them share. Webhooks are in schemas-webhooks.ts, what the log holds in schemas-log.ts.

import * as z from 'zod'

export const time = z.iso.datetime()
export const id = (prefix: string, thing: string) =>
  z.string().meta({
    description: `the id of the ${thing}`,
    examples: [`${prefix}_01k9m6tqwd8f3v4e0s5n2x7abc`],
  })
export const headers = z.record(z.string(), z.string())

export const acceptedSchema = z
  .strictObject({
    messageId: id('msg', 'message'),
    eventName: z.string(),
    deliveries: z.number().int(),
    hint: z.string().optional(),
  })
  .meta({ id: 'Accepted' })

export const problemSchema = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string().meta({ description: 'stable; see docs/errors.md' }),
    detail: z.string(),
    errors: z.array(z.strictObject({ field: z.string(), message: z.string() })),
    requestId: z.string(),
  })
  .meta({ id: 'Problem' })

export const iso = (date: Date | null): string | null => date?.toISOString() ?? null

/** Bytes as text: a response may hold anything, and a log that cannot be shown is no log. */
export const asText = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
