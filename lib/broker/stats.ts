// Figures over time, put together from what is rolled up and what is not yet. One question for the progress, then all
// pieces at once; sums per event and in total follow from those per webhook.

import {
  addCounts,
  chooseWindow,
  emptyCounts,
  figuresOf,
  seriesPieces,
  sumPieces,
  type AskedWindow,
  type Counts,
  type Figures,
  type StatsPiece,
  type StatsWindow,
} from '../domain/stats.ts'
import type { WebhookStatus } from '../domain/webhook.ts'
import type { OpenNow, StatsFilter, StatsStore, WebhookCounts } from './ports.ts'

export type StatsQuery = StatsFilter & AskedWindow

export type Stats = {
  from: Date
  to: Date
  /** Seconds. */
  step: number
  totals: Figures
  open: OpenNow
  /** One per step, oldest first, also where nothing happened. */
  buckets: (Figures & { at: Date })[]
  /** Most failed first, then most accepted. */
  events: (Figures & { eventName: string })[]
  webhooks: (Figures & {
    webhookId: string
    eventName: string
    webhookUrl: string
    status: WebhookStatus
  })[]
}

export type ReadStats = (query: StatsQuery) => Promise<Stats>

/** So many events and webhooks are listed; the totals count all. */
export const MOST_LISTED = 200

/** @throws BrokerError `invalid_request` naming `to` or `step`; `log_unavailable` */
export const makeReadStats =
  ({ stats }: { stats: StatsStore }): ReadStats =>
  async ({ from, to, stepS, ...filter }) => {
    const { rolledUntilMs, nowMs } = await stats.progress()
    const window = chooseWindow({ from, to, stepS }, nowMs)
    const [stored, sums, live, open] = await Promise.all([
      readSeries(stats, filter, { window, rolledUntilMs }),
      readSums(stats, filter, sumPieces(window, rolledUntilMs)),
      readLive(stats, filter, sumPieces(window, rolledUntilMs)),
      stats.openNow(filter),
    ])
    const perWebhook = [...sums, ...live]
    return {
      from: new Date(window.fromMs),
      to: new Date(window.toMs),
      step: window.stepMs / 1_000,
      totals: figuresOf(sumAll(perWebhook.map(({ counts }) => counts))),
      open,
      buckets: toBuckets(window, [...stored, ...live]),
      events: listed(perWebhook, ({ eventName }) => eventName).map(({ first, figures }) => ({
        eventName: first.eventName,
        ...figures,
      })),
      webhooks: await withNames(stats, filter.tenant, perWebhook),
    }
  }

type SeriesOptions = { window: StatsWindow; rolledUntilMs: number }

const readSeries = async (
  stats: StatsStore,
  filter: StatsFilter,
  { window, rolledUntilMs }: SeriesOptions,
) => {
  const stored = seriesPieces(window, rolledUntilMs).filter(({ source }) => source !== 'live')
  return (
    await Promise.all(stored.map((piece) => stats.series(filter, piece, window.stepMs)))
  ).flat()
}

const readSums = async (
  stats: StatsStore,
  filter: StatsFilter,
  pieces: readonly StatsPiece[],
): Promise<WebhookCounts[]> => {
  const stored = pieces.filter(({ source }) => source !== 'live')
  return (await Promise.all(stored.map((piece) => stats.perWebhook(filter, piece)))).flat()
}

const readLive = async (
  stats: StatsStore,
  filter: StatsFilter,
  pieces: readonly StatsPiece[],
): Promise<WebhookCounts[]> => {
  const piece = pieces.find(({ source }) => source === 'live')
  return piece === undefined ? [] : stats.live(filter, piece)
}

const sumAll = (all: readonly Counts[]): Counts => {
  const sum = emptyCounts()
  for (const counts of all) addCounts(sum, counts)
  return sum
}

const toBuckets = (
  { fromMs, toMs, stepMs }: StatsWindow,
  rows: readonly { atMs: number; counts: Counts }[],
) => {
  const sums = Array.from({ length: (toMs - fromMs) / stepMs }, emptyCounts)
  for (const { atMs, counts } of rows) {
    const sum = sums[Math.floor((atMs - fromMs) / stepMs)]
    if (sum !== undefined) addCounts(sum, counts)
  }
  return sums.map((counts, index) => ({
    at: new Date(fromMs + index * stepMs),
    ...figuresOf(counts),
  }))
}

/** Sums by a key, what fails most before all else. */
const listed = (rows: readonly WebhookCounts[], keyOf: (row: WebhookCounts) => string) => {
  const groups = new Map<string, { key: string; first: WebhookCounts; counts: Counts }>()
  for (const row of rows) {
    const key = keyOf(row)
    const group = groups.get(key) ?? { key, first: row, counts: emptyCounts() }
    addCounts(group.counts, row.counts)
    groups.set(key, group)
  }
  return [...groups.values()]
    .sort(
      (a, b) =>
        b.counts.failed - a.counts.failed ||
        b.counts.accepted - a.counts.accepted ||
        (a.key < b.key ? -1 : 1),
    )
    .slice(0, MOST_LISTED)
    .map(({ first, counts }) => ({ first, figures: figuresOf(counts) }))
}

const withNames = async (
  stats: StatsStore,
  tenant: string,
  rows: readonly WebhookCounts[],
): Promise<Stats['webhooks']> => {
  const found = listed(rows, ({ webhookId }) => webhookId)
  if (found.length === 0) return []
  const names = await stats.webhookNames(
    tenant,
    found.map(({ first }) => first.webhookId),
  )
  const byId = new Map(names.map((name) => [name.id, name]))
  return found.flatMap(({ first: { webhookId, eventName }, figures }) => {
    const name = byId.get(webhookId)
    if (name === undefined) return []
    return [{ webhookId, eventName, webhookUrl: name.webhookUrl, status: name.status, ...figures }]
  })
}
