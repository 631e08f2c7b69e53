// The first look: is it healthy, what is failing, and what happened last.

import { listDeliveries, readStats } from '../api/broker.ts'
import { Failing, Parts } from '../parts/attention.tsx'
import { DeliveriesTable } from '../parts/deliveries-table.tsx'
import { Charts, Figures } from '../parts/figures.tsx'
import { Empty, Loading, ProblemNote } from '../parts/notes.tsx'
import { Page, Section } from '../parts/page.tsx'
import { Ranges } from '../parts/ranges.tsx'
import { useAsk } from '../state/ask.ts'
import { address } from '../state/location.ts'
import { rangeFrom, windowOf } from '../state/ranges.ts'

const REFRESH_MS = 2_000
const SHOWN = 8

export const Overview = ({ query }: { query: URLSearchParams }) => {
  const range = rangeFrom(query.get('range'))
  const asked = useAsk(`stats ${range}`, () => readStats(windowOf(range)), REFRESH_MS)
  const stats = asked.data
  return (
    <Page
      title="Overview"
      problem={asked.problem}
      actions={<Ranges range={range} hrefOf={(to) => address([], { range: to })} />}
    >
      {stats === undefined ? <Loading /> : <Figures stats={stats} overall />}
      {stats === undefined ? null : <Charts stats={stats} />}
      <div class="pair">
        <Parts />
        {stats === undefined ? null : <Failing webhooks={stats.webhooks} />}
      </div>
      <Latest />
    </Page>
  )
}

/** Dead deliveries first: they are what a person must decide about. */
const Latest = () => {
  const dead = useAsk(
    'dead',
    () => listDeliveries({ status: 'dead' }, { pageSize: SHOWN }),
    REFRESH_MS,
  )
  const latest = useAsk('latest', () => listDeliveries({}, { pageSize: SHOWN }), REFRESH_MS)
  const deadOnes = dead.data?.deliveries ?? []
  const latestOnes = latest.data?.deliveries ?? []
  return (
    <>
      <ProblemNote problem={dead.problem ?? latest.problem} />
      {deadOnes.length === 0 ? null : (
        <Section
          title="Given up"
          aside={
            <p class="aside">
              <a href={address(['deliveries'], { status: 'dead' })}>All dead deliveries</a>
            </p>
          }
        >
          <DeliveriesTable deliveries={deadOnes} caption="The latest dead deliveries" />
        </Section>
      )}
      <Section
        title="Latest deliveries"
        aside={
          <p class="aside">
            <a href={address(['deliveries'])}>All deliveries</a>
          </p>
        }
      >
        {latest.loading ? <Loading /> : null}
        {latest.data !== undefined && latestOnes.length === 0 ? <FirstSteps /> : null}
        {latestOnes.length === 0 ? null : (
          <DeliveriesTable deliveries={latestOnes} caption="The latest deliveries" />
        )}
      </Section>
    </>
  )
}

const FirstSteps = () => (
  <Empty title="Nothing has been delivered yet">
    <p>
      <a href={address(['register'])}>Register a webhook</a>, then{' '}
      <a href={address(['trigger'])}>trigger its event</a>: each webhook gets a delivery, and it
      shows here.
    </p>
  </Empty>
)
