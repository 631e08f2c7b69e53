// The delivery log: filtered, newest first, page by page. The first page follows what happens.

import { useEffect, useState } from 'preact/hooks'
import { listDeliveries, type DeliveryFilter } from '../api/broker.ts'
import { DeliveriesTable } from '../parts/deliveries-table.tsx'
import { Choice, Field, faultOf, TimeField } from '../parts/field.tsx'
import { Empty, Loading } from '../parts/notes.tsx'
import { Page } from '../parts/page.tsx'
import { Pager } from '../parts/pager.tsx'
import { useAsk } from '../state/ask.ts'
import { filterFrom, isUnfiltered } from '../state/filter.ts'
import { address, go } from '../state/location.ts'
import type { Problem } from '../api/types.ts'

const PAGE_SIZE = 50
const REFRESH_MS = 2_000

export const STATUS_OPTIONS = [
  ['', 'any status'],
  ['pending', 'pending'],
  ['retrying', 'retrying'],
  ['delivered', 'delivered'],
  ['dead', 'dead'],
  ['cancelled', 'cancelled'],
] as const

export const Deliveries = ({ query }: { query: URLSearchParams }) => {
  const filter = filterFrom(query)
  const cursor = query.get('cursor') ?? undefined
  const asked = useAsk(
    `deliveries ${query.toString()}`,
    () => listDeliveries(filter, { cursor, pageSize: PAGE_SIZE }),
    cursor === undefined ? REFRESH_MS : 0,
  )
  const found = asked.data?.deliveries ?? []
  return (
    <Page
      title="Deliveries"
      problem={asked.problem}
      actions={
        isUnfiltered(filter) || found.length === 0 ? undefined : (
          <a class="button" href={address(['replay'], filter)}>
            Replay all of these…
          </a>
        )
      }
    >
      <FilterForm filter={filter} problem={asked.problem} />
      {asked.loading ? <Loading /> : null}
      {asked.data !== undefined && found.length === 0 ? <Nothing filter={filter} /> : null}
      {found.length === 0 ? null : (
        <DeliveriesTable deliveries={found} caption="Deliveries, newest first" />
      )}
      {asked.data === undefined ? null : (
        <Pager
          next={asked.data.nextCursor}
          further={cursor !== undefined}
          hrefOf={(to) => address(['deliveries'], { ...filter, cursor: to })}
        />
      )}
    </Page>
  )
}

const Nothing = ({ filter }: { filter: DeliveryFilter }) =>
  isUnfiltered(filter) ? (
    <Empty title="Nothing has been delivered yet">
      <p>
        <a href={address(['register'])}>Register a webhook</a>, then{' '}
        <a href={address(['trigger'])}>trigger its event</a>: each webhook gets a delivery.
      </p>
    </Empty>
  ) : (
    <Empty title="No delivery is like this">
      <p>
        <a href={address(['deliveries'])}>Look at all of them</a>, or widen the filter.
      </p>
    </Empty>
  )

type FilterFormProps = { filter: DeliveryFilter; problem: Problem | undefined }

const FilterForm = ({ filter, problem }: FilterFormProps) => {
  const [draft, setDraft] = useState(filter)
  const inAddress = JSON.stringify(filter)
  useEffect(() => setDraft(JSON.parse(inAddress) as DeliveryFilter), [inAddress])
  const set = (name: keyof DeliveryFilter) => (value: string) =>
    setDraft({ ...draft, [name]: value })
  const bind = (name: keyof DeliveryFilter) => ({
    value: draft[name] ?? '',
    onValue: set(name),
    fault: faultOf(problem, name),
  })
  return (
    <form
      class="filters"
      role="search"
      aria-label="Filter deliveries"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        go(address(['deliveries'], draft))
      }}
    >
      <Choice
        label="Status"
        value={draft.status ?? ''}
        onValue={(status) => go(address(['deliveries'], { ...draft, status }))}
        options={STATUS_OPTIONS}
      />
      <Field label="Event name" {...bind('eventName')} mono />
      <Field label="Webhook id" {...bind('webhookId')} mono placeholder="wh_…" />
      <Field label="Message id" {...bind('messageId')} mono placeholder="msg_…" />
      <TimeField label="From" iso={draft.from ?? ''} onIso={set('from')} />
      <TimeField label="To" iso={draft.to ?? ''} onIso={set('to')} />
      <div class="actions">
        <button>Filter</button>
        {isUnfiltered(filter) ? null : (
          <a class="button quiet" href={address(['deliveries'])}>
            Clear
          </a>
        )}
      </div>
    </form>
  )
}
