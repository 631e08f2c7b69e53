// The filter of deliveries, which `deliveries` and `replay` share.

import { Option, type Command } from 'commander'
import type { components } from '../../client/client.ts'
import { time } from '../kit.ts'

type Status = components['schemas']['Delivery']['status']

export type FilterOptions = {
  status?: Status
  event?: string
  webhook?: string
  message?: string
  from?: string
  to?: string
}

const STATUSES = ['pending', 'retrying', 'delivered', 'dead', 'cancelled']

export const addFilter = (command: Command): Command =>
  command
    .addOption(new Option('--status <status>', 'only deliveries of this status').choices(STATUSES))
    .option('--event <eventName>', 'only of this event')
    .option('--webhook <id>', 'only to this webhook')
    .option('--message <id>', 'only of this message')
    .option('--from <time>', 'accepted at this time or later: ISO 8601, or an age like 2h', time)
    .option('--to <time>', 'accepted before this time', time)

/** By the names of the API; what was not given is absent. */
export const filterOf = ({ status, event, webhook, message, from, to }: FilterOptions) => ({
  ...(status === undefined ? {} : { status }),
  ...(event === undefined ? {} : { eventName: event }),
  ...(webhook === undefined ? {} : { webhookId: webhook }),
  ...(message === undefined ? {} : { messageId: message }),
  ...(from === undefined ? {} : { from }),
  ...(to === undefined ? {} : { to }),
})
