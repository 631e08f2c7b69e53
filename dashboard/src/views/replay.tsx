// Sends many deliveries again: first they are counted, then a person says yes.
// The broker does it; replay-run.tsx shows how far it is.

import { countReplay, startReplay, type DeliveryFilter } from '../api/broker.ts'
import { Empty, Loading, ProblemNote } from '../parts/notes.tsx'
import { Facts, Page } from '../parts/page.tsx'
import { useAsk, useDoing } from '../state/ask.ts'
import { FILTER_FIELDS, filterFrom, isUnfiltered } from '../state/filter.ts'
import { address, go } from '../state/location.ts'
import { localTime } from '../state/time.ts'

const TRAIL = { label: 'Deliveries', href: address(['deliveries']) }

const NAMES: Record<keyof DeliveryFilter, string> = {
  status: 'Status',
  eventName: 'Event name',
  webhookId: 'Webhook',
  messageId: 'Message',
  from: 'From',
  to: 'To',
}

const shown = (name: keyof DeliveryFilter, value: string): string =>
  name === 'from' || name === 'to' ? localTime(value) : value

export const Replay = ({ query }: { query: URLSearchParams }) => {
  const filter = filterFrom(query)
  return (
    <Page title="Replay deliveries" trail={TRAIL}>
      {isUnfiltered(filter) ? (
        <Empty title="Choose which deliveries first">
          <p>
            Nothing means everything here. Filter{' '}
            <a href={address(['deliveries'])}>the deliveries</a>, by status{' '}
            <a href={address(['deliveries'], { status: 'dead' })}>dead</a> for example, and come
            back from there.
          </p>
        </Empty>
      ) : (
        <Asked filter={filter} />
      )}
    </Page>
  )
}

const Asked = ({ filter }: { filter: DeliveryFilter }) => {
  const counted = useAsk(`count ${JSON.stringify(filter)}`, () => countReplay(filter))
  const starting = useDoing(async () => {
    // In place of the question: Back leads to the list, not to a second start.
    go(address(['replay', await startReplay(filter)]), { replace: true })
  })
  const count = counted.data
  return (
    <>
      <FilterFacts filter={filter} />
      <ProblemNote problem={counted.problem ?? starting.problem} />
      {counted.loading ? <Loading /> : null}
      {count === undefined ? null : (
        <div class="narrow">
          <p class="big" role="status">
            {count === 1 ? '1 delivery matches' : `${count.toLocaleString()} deliveries match`}
          </p>
          <p class="muted">
            Each is sent again from the start of the schedule, under the same{' '}
            <code>webhook-id</code>, whatever its status: one that was delivered is delivered once
            more. Those in flight are left alone.
          </p>
          <div class="actions start">
            <button
              type="button"
              class="primary"
              disabled={count === 0 || starting.busy}
              onClick={() => void starting.run()}
            >
              Replay them
            </button>
            <a class="button" href={address(['deliveries'], filter)}>
              Back to the list
            </a>
          </div>
        </div>
      )}
    </>
  )
}

/** A filter as facts, to be looked at before many deliveries are sent again. */
export const FilterFacts = ({ filter }: { filter: DeliveryFilter }) => (
  <Facts
    of={FILTER_FIELDS.flatMap((name) => {
      const value = filter[name]
      return value === undefined ? [] : [[NAMES[name], <code>{shown(name, value)}</code>]]
    })}
  />
)
