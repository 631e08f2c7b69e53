// The first look: is it healthy, what is failing, and what happened last.

import { listDeliveries } from '../api/broker.ts'
import { DeliveriesTable } from '../parts/deliveries-table.tsx'
import { Empty, Loading, ProblemNote } from '../parts/notes.tsx'
import { Page, Section } from '../parts/page.tsx'
import { useAsk } from '../state/ask.ts'
import { address } from '../state/location.ts'

const REFRESH_MS = 2_000
const SHOWN = 8

export const Overview = (_props: { query: URLSearchParams }) => (
  <Page title="Overview">
    <Latest />
  </Page>
)

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
