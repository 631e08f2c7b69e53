// The attempts of one process by webhook: which are under way and since when, how the last ones went. Bounded, and nothing in it
// must survive the process.

import { CLEAN, type Tally } from '../domain/breaker.ts'
import { SLOW_MS, type Pace, type Slots } from '../domain/fair-share.ts'

export type Entry = {
  /** When each attempt under way was claimed, oldest first. */
  startedMs: Map<string, number>
  tookMs: number | undefined
  meanMs: number
  tally: Tally
  backlog: boolean
  /** Until when a backlog that seems to have ended is looked after: a claim may just be parking the last one. */
  watchUntilMs: number
  endedMs: number
}

const MAX_ENTRIES = 5_000
const FORGET_SLOW_MS = 600_000
const OTHERS_MS = 10_000
const MEAN_WEIGHT = 0.2

export type Memory = ReturnType<typeof makeMemory>

/** A claim looks at few of what may be thousands: with all of them looked at, and a hundred of them told, a delivery that came alone
 *  cost a worker 4.9 ms in the place of 3.5, once it had seen a thousand webhooks (docs/performance.md). */
export const makeMemory = (concurrency: number) => {
  const entries = new Map<string, Entry>()
  // Parts of it: with attempts under way, slow when last heard of.
  const busy = new Map<string, Entry>()
  const slow = new Map<string, Entry>()
  const seen = makeSeen()
  /** Whether a webhook other than this one has had work lately. */
  const othersWait = (webhookId: string, nowMs: number) =>
    seen.otherThan(webhookId, nowMs - OTHERS_MS)
  const entryOf = (webhookId: string): Entry => {
    const entry = entries.get(webhookId) ?? newEntry()
    // The one that was touched last stands last.
    entries.delete(webhookId)
    entries.set(webhookId, entry)
    if (entries.size > MAX_ENTRIES) slow.delete(forgetOneIdle(entries) ?? '')
    return entry
  }
  return {
    entries,
    busy,
    slow,
    entryOf,
    othersWait,
    start: (webhookId: string, deliveryId: string, nowMs: number): void => {
      seen.note(webhookId, nowMs)
      const entry = entryOf(webhookId)
      entry.startedMs.set(deliveryId, nowMs)
      busy.set(webhookId, entry)
    },
    finish: (webhookId: string, deliveryId: string, nowMs: number): Entry => {
      const entry = entryOf(webhookId)
      finish(entry, deliveryId, nowMs)
      if (entry.startedMs.size === 0) busy.delete(webhookId)
      if (paceOf(entry, nowMs).kind === 'slow') slow.set(webhookId, entry)
      else slow.delete(webhookId)
      return entry
    },
    slots: (nowMs: number): Slots => {
      let inFlight = 0
      let slowInFlight = 0
      for (const entry of busy.values()) {
        inFlight += entry.startedMs.size
        if (paceOf(entry, nowMs).kind === 'slow') slowInFlight += entry.startedMs.size
      }
      return { concurrency, inFlight, slowInFlight }
    },
    inputOf: (webhookId: string, entry: Entry, nowMs: number) => ({
      pace: paceOf(entry, nowMs),
      own: entry.startedMs.size,
      othersWait: othersWait(webhookId, nowMs),
    }),
  }
}

export const newEntry = (): Entry => ({
  startedMs: new Map(),
  tookMs: undefined,
  meanMs: 0,
  tally: CLEAN,
  backlog: false,
  watchUntilMs: Number.NEGATIVE_INFINITY,
  endedMs: Number.NEGATIVE_INFINITY,
})

const finish = (entry: Entry, deliveryId: string, nowMs: number): void => {
  const startedMs = entry.startedMs.get(deliveryId)
  entry.startedMs.delete(deliveryId)
  if (startedMs === undefined) return
  const tookMs = nowMs - startedMs
  entry.meanMs =
    entry.tookMs === undefined ? tookMs : entry.meanMs + MEAN_WEIGHT * (tookMs - entry.meanMs)
  entry.tookMs = tookMs
  entry.endedMs = nowMs
}

/** By the last attempt that ended and the oldest under way: a receiver that hangs is known after a second. */
export const paceOf = (entry: Entry, nowMs: number): Pace => {
  const [oldestMs] = entry.startedMs.values()
  if (oldestMs !== undefined && nowMs - oldestMs >= SLOW_MS) return { kind: 'slow' }
  if (entry.tookMs === undefined) return { kind: 'unknown' }
  return entry.tookMs >= SLOW_MS && nowMs - entry.endedMs < FORGET_SLOW_MS
    ? { kind: 'slow' }
    : { kind: 'steady', meanMs: entry.meanMs }
}

/** @returns which one it was */
const forgetOneIdle = (entries: Map<string, Entry>): string | undefined => {
  for (const [webhookId, entry] of entries) {
    if (entry.startedMs.size > 0 || entry.backlog) continue
    entries.delete(webhookId)
    return webhookId
  }
  return undefined
}

/** The last claim, and the last one of a webhook other than that: enough to know whether others have work. */
const makeSeen = () => {
  let last = { webhookId: '', atMs: Number.NEGATIVE_INFINITY }
  let otherAtMs = Number.NEGATIVE_INFINITY
  return {
    note: (webhookId: string, atMs: number) => {
      if (webhookId !== last.webhookId) otherAtMs = last.atMs
      last = { webhookId, atMs }
    },
    otherThan: (webhookId: string, sinceMs: number) =>
      (webhookId === last.webhookId ? otherAtMs : last.atMs) >= sinceMs,
  }
}
