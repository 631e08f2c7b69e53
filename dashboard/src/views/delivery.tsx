// One delivery: what it is, why it waits, every attempt, and the two things that can be done with it.

import { cancelDelivery, findDelivery, findWebhook, replayDelivery } from '../api/broker.ts'
import type { Delivery, DeliveryWithAttempts } from '../api/types.ts'
import { Timeline } from '../parts/timeline.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Id } from '../parts/copy.tsx'
import { Loading, ProblemNote } from '../parts/notes.tsx'
import { Facts, Page, Section } from '../parts/page.tsx'
import { fateOf, StatusBadge, waitText } from '../parts/status.tsx'
import { Ago, When } from '../parts/time.tsx'
import { useAsk, useDoing } from '../state/ask.ts'
import { address } from '../state/location.ts'

const REFRESH_MS = 2_000

export const DeliveryView = ({ id }: { id: string }) => {
  const asked = useAsk(`delivery ${id}`, () => findDelivery(id), REFRESH_MS)
  const delivery = asked.data
  return (
    <Page
      title={id}
      mono
      trail={{ label: 'Deliveries', href: address(['deliveries']) }}
      problem={asked.problem}
      actions={
        delivery === undefined ? undefined : <Deeds delivery={delivery} onChange={asked.again} />
      }
    >
      {asked.loading ? <Loading /> : null}
      {delivery === undefined ? null : <Shown delivery={delivery} />}
    </Page>
  )
}

const isOpen = ({ status }: Delivery): boolean => status === 'pending' || status === 'retrying'

const Deeds = ({ delivery, onChange }: { delivery: Delivery; onChange(): void }) => {
  const replaying = useDoing(async () => {
    await replayDelivery(delivery.id)
    onChange()
  })
  const cancelling = useDoing(async () => {
    await cancelDelivery(delivery.id)
    onChange()
  })
  return (
    <>
      <button
        type="button"
        class="primary"
        disabled={replaying.busy || delivery.inFlight}
        onClick={() => void replaying.run()}
      >
        Replay
      </button>
      {isOpen(delivery) ? (
        <Confirm
          label="Cancel it"
          title="Cancel this delivery?"
          danger
          disabled={cancelling.busy}
          onYes={() => void cancelling.run()}
        >
          <p>
            No further attempt is made. One that is under way ends, is recorded, and counts if it
            succeeds.
          </p>
        </Confirm>
      ) : null}
      <ProblemNote problem={replaying.problem ?? cancelling.problem} />
    </>
  )
}

const Shown = ({ delivery }: { delivery: DeliveryWithAttempts }) => {
  const { eventName, webhookId } = delivery
  const webhook = useAsk(`webhook of ${delivery.id}`, () =>
    findWebhook({ eventName, id: webhookId }),
  )
  return (
    <>
      <p class="subject">
        <StatusBadge status={delivery.status} />{' '}
        {delivery.waiting === null ? <span class="muted">{fateOf(delivery)}</span> : null}
      </p>
      <Wait delivery={delivery} />
      <Facts
        of={[
          ['Event', <a href={address(['deliveries'], { eventName })}>{eventName}</a>],
          [
            'URL',
            <a class="mono wrap" href={address(['webhooks', eventName, webhookId])}>
              {delivery.webhookUrl}
            </a>,
          ],
          [
            'Message',
            <a class="mono wrap" href={address(['messages', delivery.messageId])}>
              {delivery.messageId}
            </a>,
          ],
          ['Accepted', <When iso={delivery.createdAt} />],
          [
            'First delivered',
            delivery.firstDeliveredAt === null ? '–' : <When iso={delivery.firstDeliveredAt} />,
          ],
          ['Ended', delivery.finishedAt === null ? '–' : <When iso={delivery.finishedAt} />],
          ['Id', <Id id={delivery.id} label="the delivery’s id" />],
        ]}
      />
      <Section title="Attempts">
        <Timeline delivery={delivery} customHeaders={webhook.data?.headers ?? {}} />
      </Section>
    </>
  )
}

const Wait = ({ delivery }: { delivery: Delivery }) => {
  const { waiting } = delivery
  if (waiting === null) return null
  return (
    <div class="note wait" role="status">
      <strong>It {waitText(waiting.reason)}</strong>
      <p>
        {waiting.until === null ? null : waiting.reason === 'in_flight' ? (
          <>
            The attempt ends <Ago iso={waiting.until} /> at the latest.
          </>
        ) : (
          <>
            Next attempt <Ago iso={waiting.until} />, at <When iso={waiting.until} />.
          </>
        )}
        {waiting.reason === 'webhook_disabled' ? (
          <a href={address(['webhooks', delivery.eventName, delivery.webhookId])}>
            Enable it there
          </a>
        ) : null}
      </p>
    </div>
  )
}
