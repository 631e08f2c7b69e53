// Sends many deliveries again: first they are counted, then a person says yes, then a bar shows how far it is.

import { useEffect, useState } from 'preact/hooks'
import type { DeliveryFilter } from '../api/broker.ts'
import { problemFrom } from '../api/request.ts'
import type { Problem } from '../api/types.ts'
import { Empty, ProblemNote } from '../parts/notes.tsx'
import { Facts, Page } from '../parts/page.tsx'
import { findAll, MOST, replayAll, type Found, type Progress } from '../state/bulk-replay.ts'
import { FILTER_FIELDS, filterFrom, isUnfiltered } from '../state/filter.ts'
import { address } from '../state/location.ts'
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

type Stage =
  | { name: 'counting'; count: number }
  | { name: 'counted'; found: Found }
  | { name: 'replaying'; found: Found; progress: Progress; over: boolean }

const Asked = ({ filter }: { filter: DeliveryFilter }) => {
  const [stage, setStage] = useState<Stage>({ name: 'counting', count: 0 })
  const [problem, setProblem] = useState<Problem>()
  const [ending] = useState(() => new AbortController())
  const fail = (error: unknown) => setProblem(problemFrom(error))
  useEffect(() => {
    findAll(filter, (count) => setStage({ name: 'counting', count }), ending.signal)
      .then((found) => setStage({ name: 'counted', found }))
      .catch(fail)
    // Who leaves the page stops it.
    return () => ending.abort()
  }, [])
  const replay = (found: Found) => {
    const show = (progress: Progress, over: boolean) =>
      setStage({ name: 'replaying', found, progress, over })
    let latest: Progress = { replayed: 0, skipped: 0 }
    show(latest, false)
    replayAll(found.ids, (progress) => show((latest = progress), false), ending.signal)
      .then(() => show(latest, true))
      .catch(fail)
  }
  return (
    <>
      <Facts
        of={FILTER_FIELDS.flatMap((name) => {
          const value = filter[name]
          return value === undefined ? [] : [[NAMES[name], <code>{shown(name, value)}</code>]]
        })}
      />
      <ProblemNote problem={problem} />
      <div class="narrow">
        {stage.name === 'counting' ? (
          <p class="big" role="status">
            Counting… {stage.count.toLocaleString()}
          </p>
        ) : null}
        {stage.name === 'counted' ? (
          <Question found={stage.found} filter={filter} onYes={() => replay(stage.found)} />
        ) : null}
        {stage.name === 'replaying' ? (
          <Bar {...stage} filter={filter} onStop={() => ending.abort()} />
        ) : null}
      </div>
    </>
  )
}

type QuestionProps = { found: Found; filter: DeliveryFilter; onYes(): void }

const Question = ({ found: { ids, more }, filter, onYes }: QuestionProps) => (
  <>
    <p class="big" role="status">
      {more ? 'More than ' : ''}
      {ids.length === 1 ? '1 delivery matches' : `${ids.length.toLocaleString()} deliveries match`}
    </p>
    {more ? (
      <p>
        The newest {MOST.toLocaleString()} are replayed. Narrow the filter, or come back for the
        rest.
      </p>
    ) : null}
    <p class="muted">
      Each is sent again from the start of the schedule, under the same <code>webhook-id</code>,
      whatever its status: one that was delivered is delivered once more. Those in flight are left
      alone.
    </p>
    <div class="actions start">
      <button type="button" class="primary" disabled={ids.length === 0} onClick={onYes}>
        Replay them
      </button>
      <a class="button" href={address(['deliveries'], filter)}>
        Back to the list
      </a>
    </div>
  </>
)

type BarProps = {
  found: Found
  progress: Progress
  over: boolean
  filter: DeliveryFilter
  onStop(): void
}

const Bar = ({
  found: { ids },
  progress: { replayed, skipped },
  over,
  filter,
  onStop,
}: BarProps) => (
  <>
    <progress max={ids.length} value={replayed + skipped} aria-label="How far the replay is" />
    <p class="big" role="status">
      {replayed.toLocaleString()} of {ids.length.toLocaleString()} replayed
    </p>
    {skipped === 0 ? null : (
      <p class="muted">{skipped.toLocaleString()} skipped: in flight, or gone.</p>
    )}
    <div class="actions start">
      {over ? (
        // By status they would no longer be found.
        <a class="button" href={address(['deliveries'], { ...filter, status: undefined })}>
          See what becomes of them
        </a>
      ) : (
        <>
          <button type="button" onClick={onStop}>
            Stop
          </button>
          <span class="muted">Keep this page open: it stops when you leave.</span>
        </>
      )}
    </div>
  </>
)
