// The hot side of the delivery log in memory. The contract suites hold it to what Postgres does.

import type { Claim, DeliveryLog } from '../../../lib/broker/ports.ts'
import { accept } from './delivery-log-accept.ts'
import { claim, claimable } from './delivery-log-claim.ts'
import { record } from './delivery-log-record.ts'
import { statement, type World } from './world.ts'

export const makeFakeDeliveryLog = (world: World): DeliveryLog => ({
  accept: (input) => statement(world, () => accept(world, input)),
  claim: (deliveryId, token, hasTurn = false) =>
    statement(world, () => claim(world, deliveryId, { token, hasTurn })),
  postpone: (deliveryId, delayMs) => statement(world, () => postpone(world, deliveryId, delayMs)),
  claimDue: (tokens, needsTurn = () => undefined) =>
    statement(world, () => {
      const claims: Claim[] = []
      let found: string[]
      let waiting = 0
      do {
        found = claimable(world, tokens.length)
        for (const [index, id] of found.entries()) {
          const outcome = claim(world, id, { token: tokens[index] ?? '', hasTurn: false })
          if (outcome.kind === 'claimed') claims.push(outcome.claim)
          if (outcome.kind !== 'needs_turn') continue
          needsTurn(outcome)
          waiting += 1
        }
      } while (claims.length + waiting === 0 && found.length > 0 && found.length === tokens.length)
      return claims
    }),
  record: (result) => statement(world, () => record(world, result)),
  nextGeneration: (deliveryId, after) =>
    statement(world, () => {
      const row = world.deliveries.get(deliveryId)
      if (row?.generation !== after || row.finishedAtMs !== null) return undefined
      row.generation += 1
      return row.generation
    }),
})

const postpone = (world: World, deliveryId: string, delayMs: number): void => {
  const row = world.deliveries.get(deliveryId)
  const nowMs = world.nowMs()
  const free = row?.finishedAtMs === null && (row.leaseUntilMs ?? 0) <= nowMs
  if (row === undefined || !free || row.nextAttemptAtMs > nowMs) return
  const { queueHorizonMs, graceMs } = world.settings
  row.parked = 'rate_limited'
  row.nextAttemptAtMs = nowMs + delayMs
  row.dueAtMs = row.nextAttemptAtMs + (delayMs <= queueHorizonMs ? graceMs : 0)
}
