// One message: its payload byte for byte, and what it fanned out to.

import { findMessage } from '../api/broker.ts'
import type { Message } from '../api/types.ts'
import { Id } from '../parts/copy.tsx'
import { DeliveriesTable } from '../parts/deliveries-table.tsx'
import { Empty, Loading } from '../parts/notes.tsx'
import { Facts, Page, Section } from '../parts/page.tsx'
import { Payload } from '../parts/payload.tsx'
import { When } from '../parts/time.tsx'
import { useAsk } from '../state/ask.ts'
import { address } from '../state/location.ts'

const REFRESH_MS = 2_000

export const MessageView = ({ id }: { id: string }) => {
  const asked = useAsk(`message ${id}`, () => findMessage(id), REFRESH_MS)
  return (
    <Page
      title={id}
      mono
      trail={{ label: 'Messages', href: address(['messages']) }}
      problem={asked.problem}
    >
      {asked.loading ? <Loading /> : null}
      {asked.data === undefined ? null : <Shown message={asked.data} />}
    </Page>
  )
}

const Shown = ({ message }: { message: Message }) => {
  const { eventName, deliveries } = message
  return (
    <>
      <Facts
        of={[
          ['Event', <a href={address(['messages'], { eventName })}>{eventName}</a>],
          ['Accepted', <When iso={message.createdAt} />],
          ['Content type', <code>{message.contentType}</code>],
          ['Size', `${message.size.toLocaleString()} bytes`],
          ['Id', <Id id={message.id} label="the message’s id" />],
        ]}
      />
      <Section title="Payload">
        <Payload text={message.payload} label="The payload" />
      </Section>
      <Section title={deliveries.length === 1 ? '1 delivery' : `${deliveries.length} deliveries`}>
        {deliveries.length === 0 ? (
          <Empty title="It matched no webhook">
            <p>
              No enabled webhook was registered for <code>{eventName}</code> when it was accepted.{' '}
              <a href={address(['register'], { eventName })}>Register one</a> for the next.
            </p>
          </Empty>
        ) : (
          <DeliveriesTable
            by="url"
            deliveries={deliveries}
            caption="The deliveries of this message"
          />
        )}
      </Section>
    </>
  )
}
