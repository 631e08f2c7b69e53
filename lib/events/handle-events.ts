// Fires what SQS, SNS and EventBridge bring. A record is accepted, or it is reported as failed and its source keeps it:
// one that is refused for good ends in the source's dead-letter queue. Nothing runs after the answer.

import { BrokerError, type ErrorCode } from '../domain/errors.ts'
import type { Kick } from '../broker/kick.ts'
import type { Log } from '../broker/ports.ts'
import type { TriggerEvent } from '../broker/trigger-event.ts'
import { parseInvocation, type Invocation, type SourceRecord } from './invocation.ts'
import type { Parsed } from './source-event.ts'

export type EventsDeps = {
  trigger: TriggerEvent
  kick: Kick
  /** Whose events they are: BROKER_EVENTS_TENANT. */
  tenant: string
  maxPayloadBytes: number
  log: Log
}

/** What SQS reads; the others read nothing. */
export type BatchResponse = { batchItemFailures: { itemIdentifier: string }[] }

/**
 * @returns for SQS the records that failed, each by its id
 * @throws BrokerError for an event of no known source, and when a record of SNS or EventBridge failed. What else came
 *   with it has been accepted, and a repetition changes nothing about that.
 */
export const makeHandleEvents =
  (deps: EventsDeps): ((event: unknown) => Promise<BatchResponse | undefined>) =>
  async (event) => {
    const invocation = readInvocation(deps.log, event)
    const ended = await fireAll(deps, invocation)
    // Once for all of them, and also when others failed.
    if (ended.some(({ deliveries }) => deliveries > 0)) await deps.kick()
    const failures = ended.filter(({ failure }) => failure !== undefined)
    if (invocation.source === 'sqs') {
      return { batchItemFailures: failures.map(({ id }) => ({ itemIdentifier: id })) }
    }
    const [first] = failures
    if (first === undefined) return undefined
    throw new BrokerError(
      first.failure ?? 'internal_error',
      `${failures.length} of ${ended.length} records were not accepted; the log says why`,
    )
  }

const readInvocation = (log: Log, event: unknown): Invocation => {
  try {
    return parseInvocation(event)
  } catch (error) {
    log.error('events.unknown', { error })
    throw error
  }
}

type Ended = { id: string; deliveries: number; failure?: ErrorCode }

/** All at once, so that one statement accepts many; in a message group one after the other. */
const fireAll = async (deps: EventsDeps, { source, records }: Invocation): Promise<Ended[]> => {
  const lanes = new Map<string | symbol, SourceRecord[]>()
  for (const record of records) {
    const lane = record.group ?? Symbol(record.id)
    lanes.set(lane, [...(lanes.get(lane) ?? []), record])
  }
  const fire = (record: SourceRecord) => fireOne(deps, source, record)
  const hold = ({ id }: SourceRecord) => deps.log.info('event.held', { source, sourceId: id })
  const ended = [...lanes.values()].map((lane) => fireLane(lane, fire, hold))
  return (await Promise.all(ended)).flat()
}

/** The source keeps the order of a group: what stands behind a failure waits with it. */
const fireLane = async (
  records: readonly SourceRecord[],
  fire: (record: SourceRecord) => Promise<Ended>,
  hold: (record: SourceRecord) => void,
): Promise<Ended[]> => {
  const ended: Ended[] = []
  for (const record of records) {
    const failure = ended.at(-1)?.failure
    if (failure === undefined) {
      ended.push(await fire(record))
    } else {
      hold(record)
      ended.push({ id: record.id, deliveries: 0, failure })
    }
  }
  return ended
}

const fireOne = async (
  { trigger, tenant, maxPayloadBytes, log }: EventsDeps,
  source: Invocation['source'],
  { id, parsed }: SourceRecord,
): Promise<Ended> => {
  try {
    const event = judge(parsed, maxPayloadBytes)
    const { deliveries } = await trigger({ ...event, tenant })
    return { id, deliveries }
  } catch (error) {
    const code = error instanceof BrokerError ? error.code : 'internal_error'
    const kept = { source, sourceId: id, code, error }
    // The one is the sender's to repair, the other passes.
    if (PASSING.has(code)) log.error('event.failed', kept)
    else log.warn('event.refused', kept)
    return { id, deliveries: 0, failure: code }
  }
}

const PASSING: ReadonlySet<ErrorCode> = new Set([
  'log_unavailable',
  'queue_unavailable',
  'internal_error',
])

const judge = (parsed: Parsed, maxPayloadBytes: number) => {
  if (parsed.kind === 'unknown') throw new BrokerError('invalid_request', parsed.reason)
  if (parsed.event.body.byteLength > maxPayloadBytes) {
    throw new BrokerError(
      'payload_too_large',
      `the payload is larger than ${maxPayloadBytes} bytes`,
    )
  }
  return parsed.event
}
