// What one process knows of the webhooks it delivers to: how much is under way, how fast they answer, how they fail. It
// costs no round trip, and nothing in it must survive the process: what must, is a row of webhook_health.

import { CLEAN, tallied, type Ending, type Tally } from '../domain/breaker.ts'
import {
  fairShare,
  firstRoom,
  roomOf,
  SLOW_MS,
  slowRoomOf,
  type Pace,
  type Slots,
} from '../domain/fair-share.ts'
import type { AdmissionView, Admissions } from './ports.ts'

export type WebhookGate = Admissions & {
  /** An attempt has ended. @returns whether the breaker must open */
  ended(attempt: EndedAttempt): { trips: boolean; failures: number }
  /** Whether deliveries of this webhook were parked here and wait for its attempts to end. */
  hasBacklog(webhookId: string): boolean
  /** Nothing waits any more. @returns whether that is news */
  noBacklog(webhookId: string): boolean
  /** How many deliveries of a backlog may be under way at once. */
  limitOf(webhookId: string): number
  /** Told of a backlog that began when everything under way had just ended: nobody will bring it along. */
  onLoneBacklog(listener: (webhookId: string) => void): void
}

export type EndedAttempt = { webhookId: string; deliveryId: string; ending: Ending }

export type GateSettings = { concurrency: number; breakerFailures: number }

type Entry = {
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
// Of the webhooks at rest that the claim is told about; the others have the room of one that is not known.
const MAX_IDLE_TOLD = 100
const FORGET_SLOW_MS = 600_000
const OTHERS_MS = 10_000
const WATCH_MS = 5_000
const MEAN_WEIGHT = 0.2

/** @param elapsedMs a clock that only grows */
export const makeWebhookGate = (
  { concurrency, breakerFailures }: GateSettings,
  elapsedMs: () => number,
): WebhookGate => {
  const { entries, entryOf, slots, inputOf, seen } = makeMemory(concurrency)
  let toldOfLone: (webhookId: string) => void = () => undefined
  return {
    view: () => makeView({ entries, inputOf, seen }, slots(elapsedMs()), elapsedMs()),
    claimed: (webhookId, deliveryId) => {
      const nowMs = elapsedMs()
      seen.note(webhookId, nowMs)
      entryOf(webhookId).startedMs.set(deliveryId, nowMs)
    },
    parked: (webhookId, began) => {
      const entry = entryOf(webhookId)
      entry.backlog = true
      if (began && entry.startedMs.size === 0) toldOfLone(webhookId)
    },
    onLoneBacklog: (listener) => {
      toldOfLone = listener
    },
    ended: ({ webhookId, deliveryId, ending }) => {
      const entry = entryOf(webhookId)
      finish(entry, deliveryId, elapsedMs())
      const { tally, trips } = tallied(entry.tally, ending, breakerFailures)
      const failures = ending === 'succeeded' ? 0 : entry.tally.failures + 1
      entry.tally = tally
      return { trips, failures }
    },
    hasBacklog: (webhookId) => {
      const entry = entries.get(webhookId)
      return entry !== undefined && (entry.backlog || entry.watchUntilMs > elapsedMs())
    },
    noBacklog: (webhookId) => {
      const entry = entryOf(webhookId)
      // Where another process parked it and this one saw the end of it, it is news as well.
      const isNews = entry.backlog || entry.watchUntilMs <= elapsedMs()
      entry.backlog = false
      if (isNews) entry.watchUntilMs = elapsedMs() + WATCH_MS
      return isNews
    },
    limitOf: (webhookId) => {
      const nowMs = elapsedMs()
      const entry = entries.get(webhookId) ?? newEntry()
      // Never none: the one that is let go is what brings the others along.
      return Math.max(1, fairShare({ ...slots(nowMs), ...inputOf(webhookId, entry, nowMs) }))
    },
  }
}

type Memory = ReturnType<typeof makeMemory>

const makeMemory = (concurrency: number) => {
  const entries = new Map<string, Entry>()
  const seen = makeSeen()
  return {
    entries,
    seen,
    entryOf: (webhookId: string): Entry => {
      const entry = entries.get(webhookId) ?? newEntry()
      // The one that was touched last stands last.
      entries.delete(webhookId)
      entries.set(webhookId, entry)
      if (entries.size > MAX_ENTRIES) forgetOneIdle(entries)
      return entry
    },
    slots: (nowMs: number): Slots => {
      let inFlight = 0
      let slowInFlight = 0
      for (const entry of entries.values()) {
        const under = entry.startedMs.size
        inFlight += under
        if (under > 0 && paceOf(entry, nowMs).kind === 'slow') slowInFlight += under
      }
      return { concurrency, inFlight, slowInFlight }
    },
    inputOf: (webhookId: string, entry: Entry, nowMs: number) => ({
      pace: paceOf(entry, nowMs),
      own: entry.startedMs.size,
      othersWait: seen.otherThan(webhookId, nowMs - OTHERS_MS),
    }),
  }
}

const makeView = (
  { entries, inputOf, seen }: Pick<Memory, 'entries' | 'inputOf' | 'seen'>,
  slots: Slots,
  nowMs: number,
): AdmissionView => {
  const view: AdmissionView = {
    webhooks: [],
    otherwise: firstRoom(slots.concurrency, seen.otherThan('', nowMs - OTHERS_MS)),
    slowRoom: Math.max(0, slowRoomOf(slots)),
  }
  let idle = 0
  // The latest first: of those that rest, only so many are told.
  for (const [webhookId, entry] of [...entries].reverse()) {
    const input = inputOf(webhookId, entry, nowMs)
    if (input.own === 0 && input.pace.kind !== 'slow' && (idle += 1) > MAX_IDLE_TOLD) continue
    const slow = input.pace.kind === 'slow'
    view.webhooks.push({ webhookId, inFlight: input.own, slow, ...roomOf({ ...slots, ...input }) })
  }
  return view
}

const newEntry = (): Entry => ({
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
const paceOf = (entry: Entry, nowMs: number): Pace => {
  const [oldestMs] = entry.startedMs.values()
  if (oldestMs !== undefined && nowMs - oldestMs >= SLOW_MS) return { kind: 'slow' }
  if (entry.tookMs === undefined) return { kind: 'unknown' }
  return entry.tookMs >= SLOW_MS && nowMs - entry.endedMs < FORGET_SLOW_MS
    ? { kind: 'slow' }
    : { kind: 'steady', meanMs: entry.meanMs }
}

const forgetOneIdle = (entries: Map<string, Entry>): void => {
  for (const [webhookId, entry] of entries) {
    if (entry.startedMs.size > 0 || entry.backlog) continue
    entries.delete(webhookId)
    return
  }
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
