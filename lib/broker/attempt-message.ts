// A message of a dispatcher that calls us (QStash), which names one delivery: attempt it, and hand over what follows by
// our own schedule. The message is only a hint: the claim decides whether anything is attempted at all.

import { assertNever } from '../domain/assert-never.ts'
import type { AttemptDelivery } from './attempt-delivery.ts'
import type { DeliveryLog, HandOver, JobVerdict, Log, Ready } from './ports.ts'

export type AttemptMessageDeps = {
  attempts: Pick<AttemptDelivery, 'byId'>
  deliveryLog: Pick<DeliveryLog, 'nextGeneration'>
  handOver: HandOver
  log: Log
}

/** @throws BrokerError `log_unavailable`: the dispatcher is to call again; whatever was attempted is in the log */
export type AttemptMessage = (message: Ready) => Promise<void>

export const makeAttemptMessage =
  (deps: AttemptMessageDeps): AttemptMessage =>
  async (message) => {
    const verdict = await deps.attempts.byId(message.deliveryId)
    const next = await whatFollows(deps, message, verdict)
    if (next === undefined) return
    try {
      await deps.handOver([next])
    } catch (error) {
      // Not a reason to have this message sent again: it is of an older generation now. The sweep hands over.
      deps.log.warn('attempt.not_handed_over', { deliveryId: message.deliveryId, error })
    }
  }

type HandedOver = Parameters<HandOver>[0][number]

const whatFollows = async (
  { deliveryLog }: AttemptMessageDeps,
  { deliveryId, generation }: Ready,
  verdict: JobVerdict,
): Promise<HandedOver | undefined> => {
  switch (verdict.kind) {
    case 'done':
      return undefined
    case 'retry':
      return { deliveryId, generation: verdict.generation, delayMs: verdict.delayMs }
    case 'later': {
      // Refused: another copy is being attempted, or its time has not come. Whoever handed over later than this message
      // has seen to it; only the newest message may hand over in its own place, and of its copies only one.
      const next = await deliveryLog.nextGeneration(deliveryId, generation)
      return next === undefined
        ? undefined
        : { deliveryId, generation: next, delayMs: verdict.delayMs }
    }
    default:
      return assertNever(verdict)
  }
}
