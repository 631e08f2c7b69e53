// Every registration, or those of one event.

import { listWebhooks, readStats } from '../api/broker.ts'
import type { Stats, Webhook } from '../api/types.ts'
import { SearchBox } from '../parts/filter.tsx'
import { Empty, Loading } from '../parts/notes.tsx'
import { Page } from '../parts/page.tsx'
import { Pager } from '../parts/pager.tsx'
import { WebhookBadge, whyDisabled } from '../parts/status.tsx'
import { When } from '../parts/time.tsx'
import { useAsk } from '../state/ask.ts'
import { address, go } from '../state/location.ts'
import { windowOf } from '../state/ranges.ts'

const PAGE_SIZE = 50
const REFRESH_MS = 5_000
const STATS_REFRESH_MS = 10_000

export const Webhooks = ({ query }: { query: URLSearchParams }) => {
  const eventName = query.get('eventName') ?? undefined
  const cursor = query.get('cursor') ?? undefined
  const asked = useAsk(
    `webhooks ${eventName} ${cursor}`,
    () => listWebhooks(eventName, { cursor, pageSize: PAGE_SIZE }),
    REFRESH_MS,
  )
  const stats = useAsk('trouble', () => readStats(windowOf('15m')), STATS_REFRESH_MS)
  const failing = failingIn(stats.data?.webhooks ?? [])
  const { data } = asked
  return (
    <Page
      title="Webhooks"
      problem={asked.problem}
      actions={
        <a class="button primary" href={address(['register'], { eventName })}>
          Register a webhook
        </a>
      }
    >
      <div class="filters">
        <SearchBox
          label="Event name"
          value={eventName ?? ''}
          onSearch={(value) => go(address(['webhooks'], { eventName: value }))}
        />
        {data === undefined ? null : (
          <p class="muted tally">{data.total === 1 ? '1 webhook' : `${data.total} webhooks`}</p>
        )}
      </div>
      {asked.loading ? <Loading /> : null}
      {data?.webhooks.length === 0 ? <NoWebhooks eventName={eventName} /> : null}
      {data === undefined || data.webhooks.length === 0 ? null : (
        <WebhooksTable webhooks={data.webhooks} failing={failing} />
      )}
      {data === undefined ? null : (
        <Pager
          next={data.nextCursor}
          further={cursor !== undefined}
          hrefOf={(to) => address(['webhooks'], { eventName, cursor: to })}
          words={{ next: 'More', first: 'First' }}
        />
      )}
    </Page>
  )
}

/** Those whose attempts of late all failed, by their ids. */
const failingIn = (figures: Stats['webhooks']): Set<string> =>
  new Set(
    figures
      .filter(({ failed, successRate }) => failed > 0 && successRate === 0)
      .map(({ webhookId }) => webhookId),
  )

const NoWebhooks = ({ eventName }: { eventName: string | undefined }) => (
  <Empty
    title={
      eventName === undefined ? 'No webhook is registered yet' : 'No webhook has this event name'
    }
  >
    <p>
      A webhook says: send events of this name to this URL.{' '}
      <a href={address(['register'], { eventName })}>Register one</a>
      {eventName === undefined ? null : (
        <>
          , or <a href={address(['webhooks'])}>look at all of them</a>
        </>
      )}
      .
    </p>
  </Empty>
)

type WebhooksTableProps = { webhooks: readonly Webhook[]; failing: ReadonlySet<string> }

const WebhooksTable = ({ webhooks, failing }: WebhooksTableProps) => (
  <table class="rows">
    <caption class="unseen">Webhooks, oldest first</caption>
    <thead>
      <tr>
        <th scope="col">State</th>
        <th scope="col">Event and URL</th>
        <th scope="col" class="wide">
          Note
        </th>
        <th scope="col">Registered</th>
      </tr>
    </thead>
    <tbody>
      {webhooks.map((webhook) => (
        <tr key={webhook.id}>
          <td>
            <WebhookBadge
              webhook={webhook}
              trouble={failing.has(webhook.id) ? 'failing' : undefined}
            />
          </td>
          <td class="main">
            <a class="row-link" href={address(['webhooks', webhook.eventName, webhook.id])}>
              {webhook.eventName}
            </a>
            <span class="url">{webhook.webhookUrl}</span>
          </td>
          <td class="wide muted">
            {webhook.status === 'disabled' ? whyDisabled(webhook) : webhook.description}
          </td>
          <td class="when">
            <When iso={webhook.createdAt} />
          </td>
        </tr>
      ))}
    </tbody>
  </table>
)
