// What was triggered, newest first, also events that matched nobody.

import { useEffect, useState } from 'preact/hooks'
import { listMessages, type MessageFilter } from '../api/broker.ts'
import type { MessageList, Problem } from '../api/types.ts'
import { Field, faultOf, TimeField } from '../parts/field.tsx'
import { Empty, Loading } from '../parts/notes.tsx'
import { Page } from '../parts/page.tsx'
import { Pager } from '../parts/pager.tsx'
import { When } from '../parts/time.tsx'
import { useAsk } from '../state/ask.ts'
import { address, go } from '../state/location.ts'
import { bytes } from '../state/number.ts'

const PAGE_SIZE = 50
const REFRESH_MS = 2_000

const filterFrom = (query: URLSearchParams): MessageFilter => ({
  eventName: query.get('eventName') ?? undefined,
  from: query.get('from') ?? undefined,
  to: query.get('to') ?? undefined,
})

export const Messages = ({ query }: { query: URLSearchParams }) => {
  const filter = filterFrom(query)
  const cursor = query.get('cursor') ?? undefined
  const { data, loading, problem } = useAsk(
    `messages ${query.toString()}`,
    () => listMessages(filter, { cursor, pageSize: PAGE_SIZE }),
    cursor === undefined ? REFRESH_MS : 0,
  )
  return (
    <Page
      title="Messages"
      problem={problem}
      actions={
        <a class="button primary" href={address(['trigger'], { eventName: filter.eventName })}>
          Trigger an event
        </a>
      }
    >
      <FilterForm filter={filter} problem={problem} />
      {loading ? <Loading /> : null}
      {data?.messages.length === 0 ? <Nothing filter={filter} /> : null}
      {data === undefined || data.messages.length === 0 ? null : (
        <MessagesTable messages={data.messages} />
      )}
      {data === undefined ? null : (
        <Pager
          next={data.nextCursor}
          further={cursor !== undefined}
          hrefOf={(to) => address(['messages'], { ...filter, cursor: to })}
        />
      )}
    </Page>
  )
}

const MessagesTable = ({ messages }: Pick<MessageList, 'messages'>) => (
  <table class="rows">
    <caption class="unseen">Messages, newest first</caption>
    <thead>
      <tr>
        <th scope="col">Event and message</th>
        <th scope="col" class="number wide">
          Size
        </th>
        <th scope="col" class="number">
          Deliveries
        </th>
        <th scope="col">Accepted</th>
      </tr>
    </thead>
    <tbody>
      {messages.map((message) => (
        <tr key={message.id}>
          <td class="main">
            <a class="row-link" href={address(['messages', message.id])}>
              {message.eventName}
            </a>
            <span class="url">{message.id}</span>
          </td>
          <td class="number wide muted">{bytes(message.size)}</td>
          <td class="number">{message.matched}</td>
          <td class="when">
            <When iso={message.createdAt} />
          </td>
        </tr>
      ))}
    </tbody>
  </table>
)

const Nothing = ({ filter }: { filter: MessageFilter }) => {
  const isFiltered = Object.values(filter).some((value) => value !== undefined)
  return (
    <Empty title={isFiltered ? 'No message is like this' : 'No event was triggered yet'}>
      <p>
        {isFiltered ? (
          <>
            <a href={address(['messages'])}>Look at all of them</a>, or widen the filter.
          </>
        ) : (
          <>
            <a href={address(['trigger'])}>Trigger one</a>: it is kept here even if no webhook takes
            it.
          </>
        )}
      </p>
    </Empty>
  )
}

type FilterFormProps = { filter: MessageFilter; problem: Problem | undefined }

const FilterForm = ({ filter, problem }: FilterFormProps) => {
  const [draft, setDraft] = useState(filter)
  const inAddress = JSON.stringify(filter)
  useEffect(() => setDraft(JSON.parse(inAddress) as MessageFilter), [inAddress])
  const set = (name: keyof MessageFilter) => (value: string) =>
    setDraft({ ...draft, [name]: value })
  return (
    <form
      class="filters"
      role="search"
      aria-label="Filter messages"
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        go(address(['messages'], draft))
      }}
    >
      <Field
        label="Event name"
        value={draft.eventName ?? ''}
        onValue={set('eventName')}
        mono
        fault={faultOf(problem, 'eventName')}
      />
      <TimeField label="From" iso={draft.from ?? ''} onIso={set('from')} />
      <TimeField label="To" iso={draft.to ?? ''} onIso={set('to')} />
      <div class="actions">
        <button>Filter</button>
        {Object.values(filter).every((value) => value === undefined) ? null : (
          <a class="button quiet" href={address(['messages'])}>
            Clear
          </a>
        )}
      </div>
    </form>
  )
}
