// One webhook: how it is, what went to it, and everything that can be done with it.

import { useState } from 'preact/hooks'
import {
  changeWebhook,
  findWebhook,
  listDeliveries,
  readStats,
  type WebhookKey,
} from '../api/broker.ts'
import type { Webhook } from '../api/types.ts'
import { Id } from '../parts/copy.tsx'
import { DeliveriesTable } from '../parts/deliveries-table.tsx'
import { Empty, Loading, ProblemNote } from '../parts/notes.tsx'
import { Charts, Figures } from '../parts/figures.tsx'
import { Facts, Page, Section } from '../parts/page.tsx'
import { WebhookBadge, whyDisabled } from '../parts/status.tsx'
import { When } from '../parts/time.tsx'
import { WebhookDeeds } from '../parts/webhook-deeds.tsx'
import { WebhookFields } from '../parts/webhook-fields.tsx'
import { useAsk, useDoing } from '../state/ask.ts'
import { address } from '../state/location.ts'
import { windowOf } from '../state/ranges.ts'
import { formOf, settingsOf } from '../state/webhook-form.ts'

const REFRESH_MS = 2_000
const STATS_REFRESH_MS = 10_000
const RECENT = 10

export const WebhookView = ({ eventName, id }: WebhookKey) => {
  const asked = useAsk(`webhook ${id}`, () => findWebhook({ eventName, id }), REFRESH_MS)
  const webhook = asked.data
  return (
    <Page
      title={eventName}
      mono
      trail={{ label: 'Webhooks', href: address(['webhooks']) }}
      problem={asked.problem}
    >
      {asked.loading ? <Loading /> : null}
      {webhook === undefined ? null : (
        <>
          <p class="subject mono wrap">{webhook.webhookUrl}</p>
          <WebhookDeeds webhook={webhook} onChange={asked.again} />
          <About webhook={webhook} />
          <Measured webhook={webhook} />
          <Recent webhook={webhook} />
          <Settings key={webhook.updatedAt} webhook={webhook} onChange={asked.again} />
        </>
      )}
    </Page>
  )
}

type PartProps = { webhook: Webhook; onChange(): void }

/** What its open deliveries wait for says whether the breaker rests it; no route of the API says so by itself. */
const useTrouble = ({ id }: Webhook): 'breaker open' | 'failing' | undefined => {
  const { data } = useAsk(
    `open ${id}`,
    () => listDeliveries({ webhookId: id, status: 'retrying' }, { pageSize: RECENT }),
    REFRESH_MS,
  )
  const open = data?.deliveries ?? []
  if (open.length === 0) return undefined
  return open.some(({ waiting }) => waiting?.reason === 'breaker_open') ? 'breaker open' : 'failing'
}

const About = ({ webhook }: { webhook: Webhook }) => (
  <Facts
    of={[
      [
        'State',
        <>
          <WebhookBadge webhook={webhook} trouble={useTrouble(webhook)} />
          {webhook.status === 'disabled' ? (
            <span class="muted"> {whyDisabled(webhook)}</span>
          ) : null}
        </>,
      ],
      ['Registered', <When iso={webhook.createdAt} />],
      ['Changed', <When iso={webhook.updatedAt} />],
      ['Id', <Id id={webhook.id} label="the webhook’s id" />],
    ]}
  />
)

const Measured = ({ webhook }: { webhook: Webhook }) => {
  const asked = useAsk(
    `stats ${webhook.id}`,
    () => readStats({ webhookId: webhook.id, ...windowOf('24h') }),
    STATS_REFRESH_MS,
  )
  if (asked.data === undefined) return null
  return (
    <Section title="The last 24 hours">
      <Figures stats={asked.data} overall={false} />
      <Charts stats={asked.data} />
    </Section>
  )
}

const Recent = ({ webhook }: { webhook: Webhook }) => {
  const asked = useAsk(
    `recent ${webhook.id}`,
    () => listDeliveries({ webhookId: webhook.id }, { pageSize: RECENT }),
    REFRESH_MS,
  )
  const found = asked.data?.deliveries ?? []
  const all = address(['deliveries'], { webhookId: webhook.id })
  const dead = address(['deliveries'], { webhookId: webhook.id, status: 'dead' })
  return (
    <Section
      title="Latest deliveries"
      aside={
        <p class="aside">
          <a href={all}>All of them</a> · <a href={dead}>Dead ones</a>
        </p>
      }
    >
      <ProblemNote problem={asked.problem} />
      {asked.loading ? <Loading /> : null}
      {asked.data !== undefined && found.length === 0 ? (
        <Empty title="Nothing has been sent to it yet">
          <p>
            Send a test event, or{' '}
            <a href={address(['trigger'], { eventName: webhook.eventName })}>
              trigger {webhook.eventName}
            </a>
            .
          </p>
        </Empty>
      ) : null}
      {found.length === 0 ? null : (
        <DeliveriesTable
          by="id"
          deliveries={found}
          caption="The latest deliveries of this webhook"
        />
      )}
    </Section>
  )
}

const Settings = ({ webhook, onChange }: PartProps) => {
  const [form, setForm] = useState(formOf(webhook))
  const saving = useDoing(async () => {
    await changeWebhook(webhook, settingsOf(form))
    onChange()
  })
  return (
    <Section title="Settings">
      <form
        class="narrow"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          void saving.run()
        }}
      >
        <WebhookFields form={form} onForm={setForm} problem={saving.problem} />
        <ProblemNote problem={saving.problem} />
        <div class="actions">
          <button class="primary" disabled={saving.busy}>
            Save
          </button>
        </div>
      </form>
    </Section>
  )
}
