// Deliveries as rows: state, what and where to, what became of it, when.

import type { Delivery } from '../api/types.ts'
import { address } from '../state/location.ts'
import { fateOf, StatusBadge } from './status.tsx'
import { Ago, When } from './time.tsx'

/** What a row is called: what stands above the table need not be said again in every row. */
export type RowName = 'event' | 'url' | 'id'

type DeliveriesTableProps = {
  deliveries: readonly Delivery[]
  caption: string
  by?: RowName
}

const HEADS: Record<RowName, string> = {
  event: 'Event and URL',
  url: 'URL and delivery',
  id: 'Delivery and message',
}

const namesOf = (delivery: Delivery, by: RowName): [string, string] => {
  switch (by) {
    case 'event':
      return [delivery.eventName, delivery.webhookUrl]
    case 'url':
      return [delivery.webhookUrl, delivery.id]
    case 'id':
      return [delivery.id, delivery.messageId]
  }
}

export const DeliveriesTable = ({ deliveries, caption, by = 'event' }: DeliveriesTableProps) => (
  <table class="rows">
    <caption class="unseen">{caption}</caption>
    <thead>
      <tr>
        <th scope="col">Status</th>
        <th scope="col">{HEADS[by]}</th>
        <th scope="col" class="number wide">
          Attempts
        </th>
        <th scope="col" class="wide">
          What became of it
        </th>
        <th scope="col">Accepted</th>
      </tr>
    </thead>
    <tbody>
      {deliveries.map((delivery) => (
        <Row key={delivery.id} delivery={delivery} names={namesOf(delivery, by)} />
      ))}
    </tbody>
  </table>
)

type RowProps = { delivery: Delivery; names: [string, string] }

const Row = ({ delivery, names: [name, under] }: RowProps) => (
  <tr>
    <td>
      <StatusBadge status={delivery.status} />
    </td>
    <td class="main">
      <a class="row-link" href={address(['deliveries', delivery.id])}>
        {name}
      </a>
      <span class="url">{under}</span>
    </td>
    <td class="number wide">{delivery.attemptCount}</td>
    <td class="wide muted">
      {fateOf(delivery)}
      {delivery.waiting?.until == null || delivery.waiting.reason === 'in_flight' ? null : (
        <>
          , <Ago iso={delivery.waiting.until} />
        </>
      )}
    </td>
    <td class="when">
      <When iso={delivery.createdAt} />
    </td>
  </tr>
)
