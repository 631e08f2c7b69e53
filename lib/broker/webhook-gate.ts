// What one process knows of the webhooks it delivers to: how much is under way, how fast they answer, how they fail. It
// costs no round trip, and nothing in it must survive the process: what must, is a row of webhook_health.

import { tallied, type Ending } from '../domain/breaker.ts'
import { capOf, fairShare, firstRoom, roomOf, slowRoomOf } from '../domain/fair-share.ts'
import type { AdmissionView, Admissions } from './ports.ts'
import { makeMemory, newEntry, paceOf, type Memory } from './webhook-memory.ts'

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

// Of the webhooks at rest that a large claim is told about; the others have the room of one that is not known.
const MAX_IDLE_TOLD = 100
const WATCH_MS = 5_000

/** @param elapsedMs a clock that only grows */
export const makeWebhookGate = (
  { concurrency, breakerFailures }: GateSettings,
  elapsedMs: () => number,
): WebhookGate => {
  const memory = makeMemory(concurrency)
  const { entries, entryOf, slots, inputOf } = memory
  let toldOfLone: (webhookId: string) => void = () => undefined
  return {
    view: (claims) => makeView(memory, claims, elapsedMs()),
    claimed: (webhookId, deliveryId) => {
      memory.start(webhookId, deliveryId, elapsedMs())
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
      const entry = memory.finish(webhookId, deliveryId, elapsedMs())
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

const makeView = (memory: Memory, claims: number, nowMs: number): AdmissionView => {
  const { entries, busy, slow } = memory
  const slots = memory.slots(nowMs)
  const { concurrency } = slots
  const slowRoom = Math.max(0, slowRoomOf(slots))
  const otherwise = firstRoom(concurrency, memory.othersWait('', nowMs))
  const told = new Map(busy)
  // What rests has room for so few, whether it is slow or not known: to name it would change nothing.
  if (claims > Math.min(capOf(concurrency), slowRoom)) {
    for (const [webhookId, entry] of slow)
      if (paceOf(entry, nowMs).kind === 'slow') told.set(webhookId, entry)
      else slow.delete(webhookId)
  }
  if (claims > otherwise) {
    const latest = [...entries].slice(-(MAX_IDLE_TOLD + busy.size))
    for (const [webhookId, entry] of latest) told.set(webhookId, entry)
  }
  const webhooks = [...told].map(([webhookId, entry]) => {
    const input = memory.inputOf(webhookId, entry, nowMs)
    const room = roomOf({ ...slots, ...input })
    return { webhookId, inFlight: input.own, slow: input.pace.kind === 'slow', ...room }
  })
  return { webhooks, otherwise, slowRoom }
}
