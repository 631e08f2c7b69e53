// The hot side of the delivery log in memory. The contract suites hold it to what Postgres does.

import type { Claim, DeliveryLog } from '../../../lib/broker/ports.ts'
import { accept } from './delivery-log-accept.ts'
import { claim, claimable } from './delivery-log-claim.ts'
import { record } from './delivery-log-record.ts'
import { statement, type World } from './world.ts'

export const makeFakeDeliveryLog = (world: World): DeliveryLog => ({
  accept: (input) => statement(world, () => accept(world, input)),
  claim: (deliveryId, token) => statement(world, () => claim(world, deliveryId, token)),
  claimDue: (tokens) =>
    statement(world, () => {
      const claims: Claim[] = []
      let found: string[]
      do {
        found = claimable(world, tokens.length)
        for (const [index, id] of found.entries()) {
          const outcome = claim(world, id, tokens[index] ?? '')
          if (outcome.kind === 'claimed') claims.push(outcome.claim)
        }
      } while (claims.length === 0 && found.length > 0 && found.length === tokens.length)
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
