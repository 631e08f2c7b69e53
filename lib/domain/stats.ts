// Figures over time: what is counted, which steps a window may have, and from which stored pieces it is put together.

import { fieldError } from './errors.ts'
import { LATENCY_BUCKETS, percentileMs } from './latency.ts'

/** What is counted of a webhook, an event or a tenant in a piece of time. */
export type Counts = {
  /** Deliveries made. */
  accepted: number
  /** Attempts that the receiver answered with 2xx; a replay that succeeds counts again. */
  succeeded: number
  failed: number
  /** Deliveries that ended without a 2xx. */
  dead: number
  /** Attempts by receiver latency, in the buckets of domain/latency. */
  latency: number[]
}

export const emptyCounts = (): Counts => ({
  accepted: 0,
  succeeded: 0,
  failed: 0,
  dead: 0,
  latency: new Array<number>(LATENCY_BUCKETS).fill(0),
})

/** Adds `more` to `sum`, in place. */
export const addCounts = (sum: Counts, more: Counts): void => {
  sum.accepted += more.accepted
  sum.succeeded += more.succeeded
  sum.failed += more.failed
  sum.dead += more.dead
  for (let index = 0; index < LATENCY_BUCKETS; index += 1) {
    sum.latency[index] = (sum.latency[index] ?? 0) + (more.latency[index] ?? 0)
  }
}

/** Counts as people ask for them. */
export type Figures = {
  accepted: number
  delivered: number
  failed: number
  dead: number
  /** Succeeded of all attempts that ended, 0 to 1; null when none did. */
  successRate: number | null
  p50Ms: number | null
  p95Ms: number | null
}

export const figuresOf = ({ accepted, succeeded, failed, dead, latency }: Counts): Figures => {
  const ended = succeeded + failed
  return {
    accepted,
    delivered: succeeded,
    failed,
    dead,
    successRate: ended === 0 ? null : Math.round((succeeded / ended) * 10_000) / 10_000,
    p50Ms: percentileMs(latency, 0.5),
    p95Ms: percentileMs(latency, 0.95),
  }
}

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/** How long minutes are kept; older figures are there per hour. */
export const MINUTES_KEPT_MS = 3 * DAY_MS

export const MAX_BUCKETS = 1_500
const MAX_STEP_S = 86_400
const STEPS_S = [60, 300, 900, 3_600, 21_600, MAX_STEP_S]
const NICE_BUCKETS = 120

/** A window, both ends on whole steps since 1970 (UTC). */
export type StatsWindow = { fromMs: number; toMs: number; stepMs: number }

export type AskedWindow = {
  from?: Date | undefined
  to?: Date | undefined
  /** Seconds. */
  stepS?: number | undefined
}

/**
 * The window that is answered: `from` rounded down and `to` rounded up to whole steps; the last hour when neither is
 * given. Without a step, the shortest that makes at most 120 of them.
 *
 * @throws BrokerError `invalid_request` naming `to` or `step`
 */
export const chooseWindow = (asked: AskedWindow, nowMs: number): StatsWindow => {
  const toMs = asked.to?.getTime() ?? nowMs
  const fromMs = asked.from?.getTime() ?? toMs - HOUR_MS
  if (toMs <= fromMs) throw fieldError('invalid_request', 'to', 'must be later than from')
  const byHour = fromMs < nowMs - MINUTES_KEPT_MS
  if (asked.stepS !== undefined) checkStep(asked.stepS, byHour)
  const stepMs = (asked.stepS ?? shortestStep(toMs - fromMs, byHour)) * 1_000
  const window = {
    fromMs: Math.floor(fromMs / stepMs) * stepMs,
    toMs: Math.ceil(toMs / stepMs) * stepMs,
    stepMs,
  }
  if ((window.toMs - window.fromMs) / stepMs > MAX_BUCKETS) {
    const rule = `from ${MAX_BUCKETS} steps to less: take a longer step or a shorter window`
    throw fieldError('invalid_request', 'step', rule)
  }
  return window
}

const checkStep = (stepS: number, byHour: boolean): void => {
  if (stepS < 60 || stepS > MAX_STEP_S || stepS % 60 !== 0) {
    const rule = `must be whole minutes in seconds, from 60 to ${MAX_STEP_S}`
    throw fieldError('invalid_request', 'step', rule)
  }
  if (byHour && stepS % 3_600 !== 0) {
    const rule = 'must be whole hours (a multiple of 3600) for times more than three days ago'
    throw fieldError('invalid_request', 'step', rule)
  }
}

const shortestStep = (lengthMs: number, byHour: boolean): number =>
  STEPS_S.find(
    (stepS) => lengthMs / (stepS * 1_000) <= NICE_BUCKETS && (!byHour || stepS % 3_600 === 0),
  ) ?? MAX_STEP_S

/** A piece of time and where its counts are: rolled up per minute or hour, or still to be counted from the log. */
export type StatsPiece = { source: 'minutes' | 'hours' | 'live'; fromMs: number; toMs: number }

/** The pieces of a series: hours only where every step is whole hours. */
export const seriesPieces = (window: StatsWindow, rolledUntilMs: number): StatsPiece[] =>
  window.stepMs % HOUR_MS === 0
    ? pieces(window, rolledUntilMs, { fromMs: window.fromMs, toMs: window.toMs })
    : pieces(window, rolledUntilMs, undefined)

/** The pieces of a sum over the whole window: its whole hours per hour, its edges per minute. */
export const sumPieces = (window: StatsWindow, rolledUntilMs: number): StatsPiece[] =>
  pieces(window, rolledUntilMs, {
    fromMs: Math.ceil(window.fromMs / HOUR_MS) * HOUR_MS,
    toMs: Math.floor(window.toMs / HOUR_MS) * HOUR_MS,
  })

type Span = { fromMs: number; toMs: number }

const pieces = (window: Span, rolledUntilMs: number, hours: Span | undefined): StatsPiece[] => {
  const { fromMs, toMs } = window
  const rolledMs = Math.min(toMs, Math.max(fromMs, rolledUntilMs))
  const lastHourMs = Math.floor(rolledMs / HOUR_MS) * HOUR_MS
  const hoursFromMs = Math.min(hours?.fromMs ?? rolledMs, rolledMs)
  const hoursToMs = Math.max(hoursFromMs, Math.min(hours?.toMs ?? rolledMs, lastHourMs))
  const all: StatsPiece[] = [
    { source: 'minutes', fromMs, toMs: hoursFromMs },
    { source: 'hours', fromMs: hoursFromMs, toMs: hoursToMs },
    { source: 'minutes', fromMs: hoursToMs, toMs: rolledMs },
    { source: 'live', fromMs: rolledMs, toMs },
  ]
  return all.filter((piece) => piece.toMs > piece.fromMs)
}
