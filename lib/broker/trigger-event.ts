// Fires an event: where does it go (remembered, or Redis, one round trip), accept it (Postgres, one statement), hand it to
// the queue (Redis again, best effort), answer. Once Postgres has committed, nothing that Redis does can lose it.

import { createHash } from 'node:crypto'
import { BrokerError, fieldError } from '../domain/errors.ts'
import { isReservedEventName, RESERVED_PREFIX } from '../domain/event-name.ts'
import { acceptContentType, acceptIdempotencyKey, acceptPayload } from '../domain/message.ts'
import { REDIS_BUDGET_MS, type Budget, type Patience } from './patience.ts'
import type {
  Accepted,
  AcceptInput,
  Clock,
  DeliveryLog,
  HandOver,
  IdSource,
  Log,
  Route,
  RoutingTable,
  Steps,
} from './ports.ts'
import { acceptEventName } from './register-webhook.ts'
import { rememberRoutes, type RememberedRoutes } from './remembered-routes.ts'

export type TriggerInput = {
  tenant: string
  eventName: string
  contentType: string | undefined
  /** The payload as it came; empty stands for `{}`. */
  body: Uint8Array
  idempotencyKey: string | undefined
  /** W3C trace context, passed on to the receivers. */
  traceparent: string | null
}

export type TriggerAnswer = { messageId: string; eventName: string; deliveries: number }

export type TriggerEvent = (input: TriggerInput) => Promise<TriggerAnswer>

export type TriggerDeps = {
  log: Log
  clock: Pick<Clock, 'elapsedMs'>
  ids: IdSource
  patience: Patience
  deliveryLog: Pick<DeliveryLog, 'accept'>
  /** Undefined for a broker without Redis. */
  routing: Pick<RoutingTable, 'lookup'> | undefined
  handOver: HandOver
  /** Told of what could not be handed over in time. */
  notHandedOver?: (jobs: Parameters<HandOver>[0]) => void
  steps: Steps
}

const JOBS_PER_BUDGET = 1_000

/**
 * @throws BrokerError `invalid_event_name`, `reserved_event_name`, `unsupported_media_type`, `invalid_encoding`,
 *   `invalid_json`, `invalid_idempotency_key`, `idempotency_key_reused` (nothing was accepted), or
 *   `log_unavailable` (not known to be accepted: repeat with the same key)
 */
export const makeTriggerEvent = (deps: TriggerDeps): TriggerEvent => {
  const routes = deps.routing && rememberRoutes(deps.routing, deps.clock)
  return async (input) => {
    const request = toAcceptInput(input, deps.ids.message())
    const budget = deps.patience.start(REDIS_BUDGET_MS)
    const route = await routeOf(request, { routes, budget })
    deps.steps('T1')
    const accepted = await deps.deliveryLog.accept({ ...request, route })
    deps.steps('T2')
    if (!accepted.believed) routes?.forget(request.tenant, request.eventName)
    if (accepted.conflict) {
      throw new BrokerError(
        'idempotency_key_reused',
        'this Idempotency-Key was used with another event or payload',
      )
    }
    await handOver(deps, accepted, deps.patience.handOver(budget))
    deps.steps('T3')
    return {
      messageId: accepted.messageId,
      eventName: accepted.eventName,
      deliveries: accepted.matched,
    }
  }
}

type Asking = { routes: RememberedRoutes | undefined; budget: Budget }

const routeOf = async (
  { tenant, eventName }: Pick<AcceptInput, 'tenant' | 'eventName'>,
  { routes, budget }: Asking,
): Promise<Route | undefined> =>
  routes &&
  (routes.recall(tenant, eventName) ??
    (await budget.attempt(() => routes.lookup(tenant, eventName))))

const toAcceptInput = (input: TriggerInput, messageId: string): Omit<AcceptInput, 'route'> => {
  const eventName = acceptEventName(input.eventName)
  if (isReservedEventName(eventName)) {
    const rule = `names that begin with ${RESERVED_PREFIX} are fired by the broker itself`
    throw fieldError('reserved_event_name', 'eventName', rule)
  }
  const contentType = acceptContentType(input.contentType)
  const payload = acceptPayload(input.body)
  const key = input.idempotencyKey
  return {
    messageId,
    tenant: input.tenant,
    eventName,
    contentType,
    payload,
    idempotency:
      key === undefined
        ? null
        : {
            key: acceptIdempotencyKey(key),
            payloadHash: createHash('sha256').update(payload).digest(),
          },
    traceparent: input.traceparent,
  }
}

/** Enqueues what was accepted. A failure is logged and ignored: the sweep enqueues what the queue does not have. */
export const handOver = async (
  deps: Pick<TriggerDeps, 'log' | 'handOver' | 'notHandedOver'>,
  accepted: Accepted,
  budget: Budget,
): Promise<void> => {
  const jobs = accepted.deliveryIds.map((deliveryId) => ({ deliveryId, generation: 0, delayMs: 0 }))
  const extraMs = REDIS_BUDGET_MS * Math.max(0, Math.ceil(jobs.length / JOBS_PER_BUDGET) - 1)
  const enqueued =
    jobs.length === 0 ||
    (await budget.attempt(async () => {
      await deps.handOver(jobs)
      return true
    }, extraMs)) === true
  if (!enqueued) deps.notHandedOver?.(jobs)
  deps.log.info('message.accepted', {
    messageId: accepted.messageId,
    eventName: accepted.eventName,
    deliveries: accepted.matched,
    replayed: accepted.replayed,
    enqueued,
  })
}
