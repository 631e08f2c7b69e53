// W7, the result: the attempt's row and the delivery's new state in one statement, fenced by claim token and attempt
// number, batched across attempts. It commits before the queue is told anything. A result that disables its webhook does so
// in the same commit.

import type { AttemptResult, Recorded, RoutingChange } from '../broker/ports.ts'
import { judge } from '../domain/attempt.ts'
import type { DeliveryStatus } from '../domain/delivery.ts'
import type { Database } from './database.ts'
import { RECORD, RECORD_ENDINGS } from './record-sql.ts'
import { asBuffer } from './sql.ts'

type Row = {
  id: string
  status: DeliveryStatus
  fenced: boolean
  next_ms: number | null
  generation: number
  now_ms: number
  /** Whether the batch noted operational events. This and the next are there only where a delivery ended badly. */
  noted?: boolean
  /** Null where the result disabled no webhook. */
  rerouted?: { tenant: string; event_name: string; url: string; version: number } | null
}

export type RecordSettings = {
  /** A retry within this is kept by the queue; a later one lives in Postgres only. */
  queueHorizonMs: number
  /** How long the queue has before the sweep asks. */
  graceMs: number
}

/** Records a batch of any kind; no two results name the same delivery. @returns what became of each, by its delivery */
export const recordBatch = async (
  database: Database,
  results: readonly AttemptResult[],
  settings: RecordSettings,
): Promise<Map<string, Recorded>> => {
  const common = [...values(COLUMNS, results), settings.queueHorizonMs, settings.graceMs]
  const rows = results.some(({ plan }) => plan.kind === 'dead')
    ? await database.query<Row>(RECORD_ENDINGS, [...common, disablingIds(results)])
    : await database.query<Row>(RECORD, common, 'kept')
  return new Map(rows.map((row) => [row.id, toRecorded(row)]))
}

export const toRecorded = (row: Row): Recorded => ({
  status: row.status,
  fenced: row.fenced,
  nextAttemptAtMs: row.next_ms,
  generation: row.generation,
  dbNowMs: row.now_ms,
  disabled: toChange(row.rerouted ?? null),
  noted: row.noted ?? false,
})

/** Results as a statement takes them: one array for each column that it names. */
export const values = (
  names: readonly (keyof Columns)[],
  results: readonly AttemptResult[],
): unknown[] => {
  const rows = results.map(toColumns)
  return names.map((name) => rows.map((row) => row[name]))
}

const disablingIds = (results: readonly AttemptResult[]): string[] =>
  results
    .filter(({ plan }) => plan.kind === 'dead' && plan.disablesWebhook)
    .map(({ claim }) => claim.deliveryId)

const toChange = (rerouted: NonNullable<Row['rerouted']> | null): RoutingChange | null => {
  if (rerouted === null) return null
  const { tenant, event_name: eventName, url: webhookUrl, version: to } = rerouted
  return { tenant, eventName, webhookUrl, op: 'remove', from: to - 1, to }
}

/** The row is gone only when retention removed a finished delivery: nothing is left to record. */
export const GONE: Recorded = {
  status: 'cancelled',
  fenced: true,
  nextAttemptAtMs: null,
  generation: 0,
  dbNowMs: 0,
  disabled: null,
  noted: false,
}

const COLUMNS = [
  'id',
  'token',
  'number',
  'series',
  'claimedMs',
  'durationMs',
  'succeeded',
  'code',
  'statusCode',
  'responseHeaders',
  'responseBody',
  'detail',
  'deadReason',
  'delayMs',
  'usesStep',
  'stale',
] as const

type Columns = Record<(typeof COLUMNS)[number], string | number | boolean | Buffer | null>

const toColumns = ({ claim, outcome, durationMs, plan }: AttemptResult): Columns => ({
  id: claim.deliveryId,
  token: claim.token,
  number: claim.attemptNumber,
  series: claim.series,
  claimedMs: claim.claimedAtMs,
  durationMs: Math.round(durationMs),
  succeeded: judge(outcome) === 'succeeded',
  ...(outcome.kind === 'answered'
    ? {
        code: 'http_status',
        statusCode: outcome.response.statusCode,
        responseHeaders: JSON.stringify(outcome.response.headers, storable),
        responseBody: asBuffer(outcome.response.body),
        detail: outcome.response.bodyBroken
          ? 'the response body could not be read to its end'
          : null,
        stale: false,
      }
    : {
        code: outcome.code,
        statusCode: null,
        responseHeaders: null,
        responseBody: null,
        detail: storable('detail', outcome.detail),
        stale: outcome.staleConnection,
      }),
  deadReason: plan.kind === 'dead' ? plan.reason : null,
  delayMs: plan.kind === 'retry' ? plan.delayMs : null,
  usesStep: plan.kind === 'retry' && plan.usesStep,
})

/**
 * What text and jsonb can hold: anything but a NUL. Taken out before the text is escaped: afterwards a receiver that
 * spells \u0000 in letters looks the same as one that sends the byte.
 */
const storable = <T>(_name: string, value: T): T | string =>
  typeof value === 'string' ? value.replaceAll('\u0000', '') : value
