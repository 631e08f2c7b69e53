// QStash as the one that calls: what stands behind POST /internal/qstash. It knows no BullMQ.

import { makeAttemptMessage } from '../broker/attempt-message.ts'
import type { Config } from '../config.ts'
import { BrokerError } from '../domain/errors.ts'
import type { QstashEntrance } from '../http/routes/qstash.ts'
import { makeQstashVerifier } from '../queue/qstash/verifier.ts'
import { makeAttempts, type AttemptParts } from './attempts.ts'
import { destinationOf, openPublisher } from './publishing.ts'
import { openTurnsLater } from './turns.ts'

export type Entrance = QstashEntrance & {
  /** Closes the connections to receivers; what is in flight must have ended. */
  close(): Promise<void>
}

/** What the process has beside QStash itself. */
export type EntranceParts = Omit<AttemptParts, 'queue' | 'turns' | 'publish' | 'wake'>

/** @throws BrokerError `invalid_request` unless QStash dispatches */
export const openEntrance = (config: Config, parts: EntranceParts): Entrance => {
  const { qstash } = config
  const publish = openPublisher(config)
  if (qstash === undefined || publish === undefined) {
    throw new BrokerError('invalid_request', 'this needs BROKER_DISPATCHER=qstash')
  }
  const turns = openTurnsLater(config, parts.log)
  const { attempts, closeSender } = makeAttempts(config, {
    ...parts,
    queue: undefined,
    turns,
    publish,
    // Whoever waits is handed to QStash.
    wake: () => undefined,
  })
  const { deliveryLog } = parts.stores
  return {
    verify: makeQstashVerifier({ ...qstash, destination: destinationOf(qstash.publicUrl) }),
    attempt: makeAttemptMessage({ attempts, deliveryLog, handOver: publish, log: parts.log }),
    close: async () => {
      closeSender()
      turns?.close()
      await deliveryLog.flush()
    },
  }
}

// The platform makes this name and says it with each call; whoever calls cannot choose it.
const FUNCTION_URL = /^[a-z0-9]+\.lambda-url\.[a-z0-9-]+\.[a-z0-9.]+$/

/**
 * For a function: with BROKER_PUBLIC_URL=function-url it learns where it is from the first call.
 *
 * @returns opens the entrance at the address that an event names; undefined when that is no function's own URL
 * @throws BrokerError `invalid_request` unless QStash dispatches
 */
export const makeAddressed = (
  config: Config,
  parts: EntranceParts,
): ((domainName: string | undefined) => Entrance | undefined) => {
  const { qstash } = config
  if (qstash === undefined || qstash.publicUrl !== undefined) {
    const entrance = openEntrance(config, parts)
    return () => entrance
  }
  return (domainName) =>
    domainName !== undefined && FUNCTION_URL.test(domainName)
      ? openEntrance(
          { ...config, qstash: { ...qstash, publicUrl: `https://${domainName}` } },
          parts,
        )
      : undefined
}
