// The filter of deliveries, as it stands in the address: the same for the list and for a replay of what it shows.

import type { DeliveryFilter } from '../api/broker.ts'

export const FILTER_FIELDS = [
  'status',
  'eventName',
  'webhookId',
  'messageId',
  'from',
  'to',
] as const satisfies readonly (keyof DeliveryFilter)[]

export const filterFrom = (query: URLSearchParams): DeliveryFilter =>
  Object.fromEntries(FILTER_FIELDS.map((name) => [name, query.get(name) ?? undefined]))

export const isUnfiltered = (filter: DeliveryFilter): boolean =>
  FILTER_FIELDS.every((name) => filter[name] === undefined)
