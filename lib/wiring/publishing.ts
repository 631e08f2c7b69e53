// QStash as the one that is handed deliveries, for whoever hands them over: trigger, sweep, replay, and each attempt.

import { makePatience, QSTASH_BUDGET_MS, type Patience } from '../broker/patience.ts'
import type { HandOver, Log } from '../broker/ports.ts'
import type { Config } from '../config.ts'
import { BrokerError } from '../domain/errors.ts'
import { QSTASH_PATH } from '../domain/qstash-path.ts'
import { MAX_TIMEOUT_MS } from '../domain/webhook.ts'
import { makeQstashPublisher } from '../queue/qstash/publisher.ts'
import { systemClock } from './runtime.ts'

export type HandingOver = {
  /** QStash, where it dispatches. */
  publish?: HandOver | undefined
  handOver: HandOver
  /** Takes whatever job there is of a delivery away, and hands it over anew. */
  handOverAgain: HandOver
}

/** Each generation is new to QStash, so there is nothing to take away before one is handed over again. */
export const overQstash = (publish: HandOver): HandingOver => ({
  publish,
  handOver: publish,
  handOverAgain: publish,
})

/** How long a process waits for Redis, and for QStash where that dispatches. */
export const openPatience = ({
  publish,
  log,
}: {
  publish?: HandOver | undefined
  log: Log
}): Patience => {
  const dispatcher = publish && { name: 'qstash', budgetMs: QSTASH_BUDGET_MS }
  return makePatience({ clock: systemClock, log, dispatcher })
}

/**
 * @returns undefined unless QStash dispatches
 * @throws BrokerError `invalid_request` where only the calls of QStash say where it calls (see `Config['qstash']`)
 */
export const openPublisher = ({
  qstash,
  delivery,
  keyPrefix,
}: Pick<Config, 'qstash' | 'delivery' | 'keyPrefix'>): HandOver | undefined =>
  qstash === undefined
    ? undefined
    : makeQstashPublisher(
        {
          url: qstash.url,
          token: qstash.token,
          destination: destinationOf(qstash.publicUrl),
          answerTimeoutMs: MAX_TIMEOUT_MS + delivery.leaseMarginMs,
          flow: { key: keyPrefix, parallelism: delivery.concurrency },
        },
        systemClock,
      )

/** Where QStash calls us, and what its signatures must name. */
export const destinationOf = (publicUrl: string | undefined): string => {
  if (publicUrl === undefined) {
    throw new BrokerError(
      'invalid_request',
      'BROKER_PUBLIC_URL=function-url is for the one function that QStash calls',
    )
  }
  return publicUrl + QSTASH_PATH
}
