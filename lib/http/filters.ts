// Query parameters that several reads are filtered by.

import * as z from 'zod'
import { EVENT_NAME_RULE, isEventName } from '../domain/event-name.ts'
import { isId, type IdPrefix } from '../domain/ids.ts'

export const eventName = z.string().refine(isEventName, EVENT_NAME_RULE).optional()

export const idOf = (prefix: IdPrefix, thing: string) =>
  z
    .string()
    .refine((text) => isId(prefix, text), `is not the id of a ${thing}`)
    .optional()

export const time = z.iso
  .datetime({ offset: true, message: 'must be a time like 2026-01-31T12:00:00Z' })
  .transform((text) => new Date(text))
  .optional()
  .meta({ type: 'string', format: 'date-time' })
