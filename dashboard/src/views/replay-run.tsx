// One replay of many deliveries, as the broker runs it: how far it is.

import { findReplay } from '../api/broker.ts'
import type { ReplayRun as Run } from '../api/types.ts'
import { Loading } from '../parts/notes.tsx'
import { Facts, Page } from '../parts/page.tsx'
import { Badge } from '../parts/status.tsx'
import { When } from '../parts/time.tsx'
import { useAsk } from '../state/ask.ts'
import { address } from '../state/location.ts'
import { FilterFacts } from './replay.tsx'

const REFRESH_MS = 500

export const ReplayRun = ({ id }: { id: string }) => {
  const asked = useAsk(`replay ${id}`, () => findReplay(id), REFRESH_MS)
  return (
    <Page
      title="Replay"
      trail={{ label: 'Deliveries', href: address(['deliveries']) }}
      problem={asked.problem}
    >
      {asked.loading ? <Loading /> : null}
      {asked.data === undefined ? null : <Shown run={asked.data} />}
    </Page>
  )
}

const Shown = ({ run }: { run: Run }) => {
  const { total, replayed, skipped, filter } = run
  const isOver = run.status === 'finished'
  const max = Math.max(total, 1)
  return (
    <>
      <div class="narrow">
        <p class="subject">
          <Badge tone={isOver ? 'good' : 'warn'} sign={isOver ? '●' : '◐'}>
            {run.status}
          </Badge>
        </p>
        <progress
          max={max}
          value={isOver ? max : Math.min(replayed + skipped, max)}
          aria-label="How far the replay is"
        />
        <p class="big" role="status">
          {replayed.toLocaleString()} of {total.toLocaleString()} replayed
        </p>
        {skipped === 0 ? null : (
          <p class="muted">
            {skipped.toLocaleString()} skipped: in flight, or their webhook is removed.
          </p>
        )}
        {isOver ? null : <p class="muted">It goes on without this page.</p>}
      </div>
      {filter.missed === true ? <p>What the webhook missed while it was disabled.</p> : null}
      <FilterFacts filter={filter} />
      <Facts
        of={[
          ['Started', <When iso={run.createdAt} />],
          ['Finished', run.finishedAt === null ? '–' : <When iso={run.finishedAt} />],
        ]}
      />
      {/* By status they would no longer be found. */}
      <p class="actions start">
        <a class="button" href={address(['deliveries'], listed(run))}>
          See what becomes of them
        </a>
      </p>
    </>
  )
}

const listed = ({ filter: { eventName, webhookId, messageId, from, to } }: Run) => ({
  eventName,
  webhookId,
  messageId,
  from,
  to,
})
