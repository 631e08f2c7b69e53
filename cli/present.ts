// Deliveries and attempts as people read them.

import type { components } from '../client/client.ts'
import type { Style } from './output.ts'

export type Delivery = components['schemas']['Delivery']
export type Attempt = components['schemas']['Attempt']

export const DELIVERY_COLUMNS = ['ID', 'STATUS', 'EVENT', 'ATTEMPTS', 'CREATED', 'URL', 'WAITING']

export const deliveryRow = (delivery: Delivery): string[] => [
  delivery.id,
  delivery.status,
  delivery.eventName,
  String(delivery.attemptCount),
  delivery.createdAt,
  delivery.webhookUrl,
  waitingOf(delivery),
]

/** Why it is not delivered yet, or why it never will be. */
export const waitingOf = ({ waiting, deadReason }: Delivery): string => {
  if (waiting === null) return deadReason ?? ''
  return waiting.until === null ? waiting.reason : `${waiting.reason} until ${waiting.until}`
}

const STATUS_STYLES: Readonly<Record<string, keyof Style>> = {
  delivered: 'good',
  retrying: 'warn',
  dead: 'bad',
  cancelled: 'dim',
}

export const paintStatus = (style: Style, status: string): string =>
  style[STATUS_STYLES[status] ?? 'bold'](status)

export const ATTEMPT_COLUMNS = ['#', 'SERIES', 'STARTED', 'OUTCOME', 'CODE', 'STATUS', 'TOOK']

export const attemptRow = (attempt: Attempt): string[] => [
  String(attempt.number),
  String(attempt.series),
  attempt.startedAt,
  attempt.outcome,
  attempt.code ?? '',
  attempt.statusCode === null ? '' : String(attempt.statusCode),
  attempt.durationMs === null ? '' : `${attempt.durationMs} ms`,
]

type Progress = { total: number; replayed: number; skipped: number }

const BAR_WIDTH = 30

/** What a person watches. */
export const progressBar = ({ total, replayed, skipped }: Progress): string => {
  const done = total === 0 ? 1 : Math.min(1, (replayed + skipped) / total)
  const filled = Math.round(done * BAR_WIDTH)
  const bar = '#'.repeat(filled).padEnd(BAR_WIDTH, '-')
  const percent = `${Math.floor(done * 100)}%`.padStart(4)
  return `[${bar}] ${percent}  ${replayed} of ${total} replayed, ${skipped} skipped`
}
