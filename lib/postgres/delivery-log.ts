// The hot side of the delivery log: one batcher for each of accept, claim and result, so that callers share commits.

import type {
  Accepted,
  AcceptInput,
  AttemptResult,
  ClaimOutcome,
  DeliveryLog,
  Recorded,
} from '../broker/ports.ts'
import { acceptBatch } from './accept.ts'
import { makeBatcher, makeLane, type Batcher } from '../domain/batcher.ts'
import { claimBatch, claimDue, type ClaimRequest, type LeaseSettings } from './claim.ts'
import { isTransient, type Database } from './database.ts'
import { nextGeneration } from './generation.ts'
import { postponeBatch, type Postponed } from './postpone.ts'
import { recordBatch, type RecordSettings } from './record.ts'

export type DeliveryLogSettings = LeaseSettings & RecordSettings

const MAX_BATCH = 100
// Keeps an accept statement small enough for one round trip, whatever the payloads.
const MAX_BATCH_BYTES = 1024 * 1024

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
    maxItems: MAX_BATCH,
    weight: { of: (input) => input.payload.byteLength, max: MAX_BATCH_BYTES },
    keyOf: ({ tenant, idempotency }) =>
      idempotency === null ? undefined : `${tenant}\n${idempotency.key}`,
    failsForAll: isTransient,
  })
  // What a worker commits, one statement at a time: at full load half as many statements, each for twice as many.
  const lane = makeLane()
  const claims: Batcher<ClaimRequest, ClaimOutcome> = makeBatcher({
    run: (requests) => claimBatch(database, requests, settings),
    lane,
    maxItems: MAX_BATCH,
    keyOf: ({ deliveryId }) => deliveryId,
    failsForAll: isTransient,
  })
  const results: Batcher<AttemptResult, Recorded> = makeBatcher({
    run: (batch) => recordBatch(database, batch, settings),
    lane,
    maxItems: MAX_BATCH,
    keyOf: ({ claim }) => claim.deliveryId,
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
    claim: (deliveryId, token, hasTurn = false) => claims.add({ deliveryId, token, hasTurn }),
    claimDue: (tokens, needsTurn = () => undefined) =>
      claimDue(database, tokens, { lease: settings, needsTurn }),
    postpone: async (deliveryId, delayMs) => {
      await postponements.add({ deliveryId, delayMs })
    },
    record: results.add,
    nextGeneration: (deliveryId, after) => nextGeneration(database, deliveryId, after),
    flush: async () => {
      await Promise.all([accepts, claims, results, postponements].map((batcher) => batcher.idle()))
    },
  }
}
