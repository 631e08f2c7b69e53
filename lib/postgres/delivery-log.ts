// The hot side of the delivery log: one batcher for accepts, and one for what a worker claims and records, so that callers
// share commits.

import type { Accepted, AcceptInput, DeliveryLog } from '../broker/ports.ts'
import { acceptBatch } from './accept.ts'
import { makeBatcher, type Batcher } from '../domain/batcher.ts'
import { claimDue } from './claim.ts'
import { isTransient, type Database } from './database.ts'
import { nextGeneration } from './generation.ts'
import { postponeBatch, type Postponed } from './postpone.ts'
import { deliveryOf, takeTurn, type Granted, type TurnSettings, type Wish } from './turn.ts'

export type DeliveryLogSettings = TurnSettings

const MAX_BATCH = 100
// A turn holds claims and results.
const MAX_TURN = 200
// Keeps an accept statement small enough for one round trip, whatever the payloads.
const MAX_BATCH_BYTES = 1024 * 1024

// A process that fills its batches so far is short of time, not of patience: a millisecond makes them larger by a tenth.
const FULL = 20
const PAUSE_MS = 1

// Sockets are read one after the other, in one round of the event loop. Without this the first answer of a round would make
// a batch of one, and all others the next.
const gather = (before: number): Promise<void> =>
  new Promise((resolve) => {
    if (before < FULL) setImmediate(resolve)
    else setTimeout(resolve, PAUSE_MS)
  })

export type ClosableDeliveryLog = DeliveryLog & {
  /** Resolves when every batch has committed or failed. */
  flush(): Promise<void>
}

/** Builds the log over a database. One per process: group commit works across its callers. */
export const makeDeliveryLog = (
  database: Database,
  settings: DeliveryLogSettings,
): ClosableDeliveryLog => {
  const accepts: Batcher<AcceptInput, Accepted> = makeBatcher({
    run: (inputs) => acceptBatch(database, inputs, settings.graceMs),
    gather,
    maxItems: MAX_BATCH,
    weight: { of: (input) => input.payload.byteLength, max: MAX_BATCH_BYTES },
    keyOf: ({ tenant, idempotency }) =>
      idempotency === null ? undefined : `${tenant}\n${idempotency.key}`,
    failsForAll: isTransient,
  })
  const turns: Batcher<Wish, Granted> = makeBatcher({
    run: (wishes) => takeTurn(database, wishes, settings),
    gather,
    maxItems: MAX_TURN,
    keyOf: deliveryOf,
    failsForAll: isTransient,
  })
  const postponements: Batcher<Postponed, undefined> = makeBatcher({
    run: (batch) => postponeBatch(database, batch, settings),
    maxItems: MAX_BATCH,
    keyOf: ({ deliveryId }) => deliveryId,
    failsForAll: isTransient,
  })
  return {
    accept: accepts.add,
    claim: async (deliveryId, token, hasTurn = false) => {
      const granted = await turns.add({ kind: 'claim', request: { deliveryId, token, hasTurn } })
      if (granted.kind !== 'claim') throw new TypeError('a claim was answered as a result')
      return granted.outcome
    },
    claimDue: (tokens, needsTurn = () => undefined) =>
      claimDue(database, tokens, { lease: settings, needsTurn }),
    postpone: async (deliveryId, delayMs) => {
      await postponements.add({ deliveryId, delayMs })
    },
    record: async (result) => {
      const granted = await turns.add({ kind: 'record', result })
      if (granted.kind !== 'record') throw new TypeError('a result was answered as a claim')
      return granted.recorded
    },
    nextGeneration: (deliveryId, after) => nextGeneration(database, deliveryId, after),
    flush: async () => {
      await Promise.all([accepts, turns, postponements].map((batcher) => batcher.idle()))
    },
  }
}
