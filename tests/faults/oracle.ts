// The oracle: compares what the client was promised (202s), what the receiver wrote down, and what the log says. It
// knows nothing of how the broker works; invariants I1 to I5 of docs/guarantees.md.

import type { Acknowledged } from './client.ts'
import type { Line } from './receiver-process.ts'

export type Evidence = {
  acknowledged: readonly Acknowledged[]
  lines: readonly Line[]
  deliveries: readonly DeliveryRow[]
  attempts: readonly AttemptRow[]
  balanced: boolean
  /** Attempts that the retry schedule allows. */
  maxAttempts: number
}

export type DeliveryRow = {
  id: string
  message_id: string
  status: string
  dead_reason: string | null
  attempt_count: number
  crash_count: number
  first_delivered_ms: number | null
}

export type AttemptRow = {
  delivery_id: string
  number: number
  outcome: 'succeeded' | 'failed' | 'unknown'
  status_code: number | null
}

export type Verdict = {
  /** Deliveries that a 202 promised. */
  accepted: number
  /** Of these, delivered, with a 2xx at the receiver. */
  delivered: number
  dead: number
  /** Of these, neither delivered nor dead, or `delivered` without a 2xx at the receiver. */
  lost: number
  /** Requests that a receiver answered 2xx beyond the first of their delivery. */
  duplicates: number
  /** Requests that arrived after the log had committed a success. */
  late: number
  /** All requests. */
  requests: number
  /** What is broken, in words; the first few of each kind. */
  violations: string[]
}

const CRASH_BUDGET = 5
const MAX_VIOLATIONS = 10

export const judgeEvidence = (evidence: Evidence): Verdict => {
  const violations: string[] = []
  const report = (rule: string, id: string, what: string) => {
    if (violations.length < MAX_VIOLATIONS) violations.push(`${rule} ${id}: ${what}`)
  }
  const lines = groupBy(evidence.lines, ({ deliveryId }) => deliveryId)
  const attempts = groupBy(evidence.attempts, ({ delivery_id }) => delivery_id)
  const byMessage = groupBy(evidence.deliveries, ({ message_id }) => message_id)
  const promised = new Map(evidence.acknowledged.map((entry) => [entry.messageId, entry]))

  for (const delivery of evidence.deliveries) {
    const case_: Case = {
      delivery,
      lines: lines.get(delivery.id) ?? [],
      attempts: attempts.get(delivery.id) ?? [],
      promise: promised.get(delivery.message_id),
      maxAttempts: evidence.maxAttempts,
    }
    for (const [rule, what] of checkDelivery(case_)) report(rule, delivery.id, what)
  }
  for (const { messageId, deliveries } of promised.values()) {
    const found = byMessage.get(messageId)?.length ?? 0
    if (found !== deliveries) report('I1', messageId, `${found} of ${deliveries} deliveries exist`)
  }
  const known = new Set(evidence.deliveries.map(({ id }) => id))
  for (const id of lines.keys()) {
    if (!known.has(id)) {
      report('I3', id, 'was received and is not in the log')
    }
  }
  if (!evidence.balanced) report('I5', 'audit', 'does not balance')
  return { ...count(evidence, { lines, byMessage, promised }), violations }
}

type Case = {
  delivery: DeliveryRow
  lines: readonly Line[]
  attempts: readonly AttemptRow[]
  promise: Acknowledged | undefined
  maxAttempts: number
}

const is2xx = ({ status }: { status: number }): boolean => status >= 200 && status <= 299

const checkDelivery = function* (c: Case): Generator<[rule: string, what: string]> {
  yield* checkEnd(c)
  yield* checkCopies(c)
  yield* checkPath(c)
}

/** I1 and I2: how it ended, and whether the receiver agrees. */
const checkEnd = function* ({
  delivery,
  lines,
  attempts,
  maxAttempts,
}: Case): Generator<[string, string]> {
  const succeeded = attempts.filter(({ outcome }) => outcome === 'succeeded')
  for (const { number } of succeeded) {
    if (!lines.some((line) => line.attempt === number && is2xx(line))) {
      yield ['I2', `attempt ${number} succeeded, and the receiver answered it no 2xx`]
    }
  }
  if (delivery.status === 'delivered') {
    if (succeeded.length === 0) yield ['I2', 'is delivered without an attempt that succeeded']
    return
  }
  if (delivery.status !== 'dead') {
    yield ['I5', `ended as ${delivery.status}`]
    return
  }
  const failed = attempts.filter(({ outcome }) => outcome === 'failed').length
  const fair =
    (delivery.dead_reason === 'schedule_exhausted' && failed >= maxAttempts) ||
    (delivery.dead_reason === 'gone' && attempts.some((a) => a.status_code === 410)) ||
    (delivery.dead_reason === 'crash_budget' && delivery.crash_count > CRASH_BUDGET)
  if (!fair) {
    yield [
      'I2',
      `is dead (${delivery.dead_reason ?? 'no reason'}) after ${failed} failed attempts and ${delivery.crash_count} crashes`,
    ]
  }
}

/** I3: no request without a claim, and all copies alike. */
const checkCopies = function* ({
  delivery,
  lines,
  promise,
  maxAttempts,
}: Case): Generator<[string, string]> {
  if (lines.length > delivery.attempt_count) {
    yield ['I3', `${lines.length} requests for ${delivery.attempt_count} claims`]
  }
  // A success turns into a claim more at most for each crash.
  if (delivery.attempt_count > maxAttempts + CRASH_BUDGET) {
    yield ['I3', `${delivery.attempt_count} claims`]
  }
  if (new Set(lines.map(({ attempt }) => attempt)).size !== lines.length) {
    yield ['I3', 'two requests carry one attempt number']
  }
  for (const { webhookId, bodyHash, signatureOk } of lines) {
    if (webhookId !== delivery.message_id) yield ['I3', `webhook-id ${webhookId}`]
    if (promise !== undefined && bodyHash !== promise.bodyHash) yield ['I3', 'other bytes']
    if (!signatureOk) yield ['I3', 'the signature does not verify']
  }
  if (new Set(lines.map(({ bodyHash }) => bodyHash)).size > 1) yield ['I3', 'copies differ']
}

/** I5: the attempts are numbered without a gap, and each is on record. */
const checkPath = function* ({ delivery, attempts }: Case): Generator<[string, string]> {
  const numbers = attempts.map(({ number }) => number).sort((a, b) => a - b)
  const wanted = Array.from({ length: delivery.attempt_count }, (_, index) => index + 1)
  if (numbers.join() !== wanted.join()) {
    yield ['I5', `attempts ${numbers.join()} of ${delivery.attempt_count}`]
  }
}

type Grouped = {
  lines: Map<string, Line[]>
  byMessage: Map<string, DeliveryRow[]>
  promised: Map<string, Acknowledged>
}

const count = (evidence: Evidence, { lines, byMessage, promised }: Grouped) => {
  const verdict = { accepted: 0, delivered: 0, dead: 0, lost: 0, duplicates: 0, late: 0 }
  const received = (id: string) => (lines.get(id) ?? []).some(is2xx)
  for (const { messageId, deliveries } of promised.values()) {
    const rows = byMessage.get(messageId) ?? []
    const delivered = rows.filter((row) => row.status === 'delivered' && received(row.id)).length
    const dead = rows.filter(({ status }) => status === 'dead').length
    verdict.accepted += deliveries
    verdict.delivered += delivered
    verdict.dead += dead
    verdict.lost += Math.max(0, deliveries - delivered - dead)
  }
  for (const { id, first_delivered_ms } of evidence.deliveries) {
    const copies = lines.get(id) ?? []
    verdict.duplicates += Math.max(0, copies.filter(is2xx).length - 1)
    if (first_delivered_ms !== null) {
      verdict.late += copies.filter(({ atMs }) => atMs > first_delivered_ms).length
    }
  }
  return { ...verdict, requests: evidence.lines.length }
}

const groupBy = <T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}
