// Which deliveries a replay means. An empty filter or an empty list of ids never means "all".

import type { DeliveryStatus } from './delivery.ts'
import { fieldError, type BrokerError } from './errors.ts'

export const MAX_REPLAY_IDS = 1_000

/** Every field narrows it. */
export type ReplayFilter = {
  ids?: readonly string[] | undefined
  status?: DeliveryStatus | undefined
  eventName?: string | undefined
  webhookId?: string | undefined
  messageId?: string | undefined
  /** Created at this time or later. */
  from?: Date | undefined
  /** Created before this time. */
  to?: Date | undefined
  /** Not deliveries that exist, but those that were never made because the webhook was disabled. */
  missed?: true | undefined
}

/** The same as JSON keeps it. */
export type StoredReplayFilter = Omit<ReplayFilter, 'from' | 'to'> & {
  from?: string | undefined
  to?: string | undefined
}

const GOES_WITH_MISSED: readonly (keyof ReplayFilter)[] = ['missed', 'webhookId', 'from', 'to']

/**
 * Judges a filter whose fields are each of the right form.
 *
 * @throws BrokerError `invalid_request` naming the field
 */
export const acceptReplayFilter = (filter: ReplayFilter): ReplayFilter => {
  const given = (Object.keys(filter) as (keyof ReplayFilter)[]).filter(
    (name) => filter[name] !== undefined,
  )
  if (given.length === 0) throw fault('filter', 'needs at least one field; {} does not mean all')
  if (filter.ids?.length === 0) throw fault('filter.ids', 'is empty; leave it out or name some')
  if (filter.from !== undefined && filter.to !== undefined && filter.from >= filter.to) {
    throw fault('filter.to', 'must be later than from')
  }
  if (filter.missed === undefined) return filter
  if (filter.webhookId === undefined) {
    throw fault('filter.webhookId', 'is needed beside missed: it is one webhook that missed them')
  }
  const other = given.find((name) => !GOES_WITH_MISSED.includes(name))
  if (other === undefined) return filter
  throw fault(`filter.${other}`, 'does not go with missed: nothing was delivered yet')
}

const fault = (field: string, message: string): BrokerError =>
  fieldError('invalid_request', field, message)

export const storedFilter = ({ from, to, ...rest }: ReplayFilter): StoredReplayFilter => ({
  ...rest,
  ...(from === undefined ? {} : { from: from.toISOString() }),
  ...(to === undefined ? {} : { to: to.toISOString() }),
})

export const readStoredFilter = ({ from, to, ...rest }: StoredReplayFilter): ReplayFilter => ({
  ...rest,
  ...(from === undefined ? {} : { from: new Date(from) }),
  ...(to === undefined ? {} : { to: new Date(to) }),
})
