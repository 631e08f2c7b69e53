// What the form of a webhook holds, as text, and how it becomes what the API takes. It judges nothing: what is wrong, the
// broker says, in its own words and by the name of the field.

import type { RateLimit, Webhook, WebhookSettings } from '../api/types.ts'

export type WebhookForm = {
  description: string
  /** One header a line: `name: value`. */
  headers: string
  timeoutMs: string
  rateLimit: string
  perSeconds: string
  maxInFlight: string
}

export const formOf = (webhook?: Webhook): WebhookForm => ({
  description: webhook?.description ?? '',
  headers: Object.entries(webhook?.headers ?? {})
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n'),
  timeoutMs: text(webhook?.timeoutMs),
  rateLimit: text(webhook?.rateLimit?.limit),
  perSeconds: text(webhook?.rateLimit?.perSeconds),
  maxInFlight: text(webhook?.maxInFlight),
})

const text = (value: number | null | undefined): string =>
  value === null || value === undefined ? '' : String(value)

/** A text that is no number stays one, so that the broker refuses it by name. */
const number = (value: string): number | null => {
  const trimmed = value.trim()
  if (trimmed === '') return null
  const parsed = Number(trimmed)
  return Number.isNaN(parsed) ? (trimmed as unknown as number) : parsed
}

export const settingsOf = (form: WebhookForm): WebhookSettings => ({
  description: form.description.trim() === '' ? null : form.description,
  headers: headersOf(form.headers),
  timeoutMs: number(form.timeoutMs),
  rateLimit: rateLimitOf(form),
  maxInFlight: number(form.maxInFlight),
})

const rateLimitOf = ({ rateLimit, perSeconds }: WebhookForm): RateLimit | null => {
  const limit = number(rateLimit)
  return limit === null ? null : { limit, perSeconds: number(perSeconds) ?? 1 }
}

const headersOf = (lines: string): Record<string, string> =>
  Object.fromEntries(
    lines
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const colon = line.indexOf(':')
        return colon === -1
          ? [line.trim(), '']
          : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
      }),
  )
