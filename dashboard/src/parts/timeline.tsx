// The attempts of a delivery, the latest first: how each ended, how long it took, what was sent and what came back.

import type { Attempt, DeliveryWithAttempts } from '../api/types.ts'
import { duration } from '../state/time.ts'
import { Empty } from './notes.tsx'
import { Payload } from './payload.tsx'
import { Badge } from './status.tsx'
import { When } from './time.tsx'

type TimelineProps = {
  delivery: DeliveryWithAttempts
  /** Of the webhook as it is now. */
  customHeaders: Readonly<Record<string, string>>
}

export const Timeline = ({ delivery, customHeaders }: TimelineProps) => {
  const { attempts } = delivery
  if (attempts.length === 0) {
    return <Empty title={delivery.inFlight ? 'The first attempt is under way' : 'No attempt yet'} />
  }
  const latestFirst = [...attempts].reverse()
  return (
    <ol class="timeline" reversed>
      {latestFirst.map((attempt, index) => (
        <li key={attempt.number} class={attempt.outcome}>
          <AttemptRow
            attempt={attempt}
            delivery={delivery}
            customHeaders={customHeaders}
            open={index === 0}
          />
          {isFirstOfReplay(attempt, latestFirst[index + 1]) ? (
            <p class="series">Replayed: series {attempt.series} begins here</p>
          ) : null}
        </li>
      ))}
    </ol>
  )
}

const isFirstOfReplay = (attempt: Attempt, before: Attempt | undefined): boolean =>
  attempt.series > 1 && before?.series !== attempt.series

const TONES = { succeeded: 'good', failed: 'bad', unknown: 'warn' } as const
const SIGNS = { succeeded: '●', failed: '✕', unknown: '?' } as const

const CODES: Record<string, string> = {
  timeout: 'no answer in time',
  dns: 'the host name was not found',
  refused: 'the connection was refused',
  reset: 'the connection broke',
  tls: 'the certificate was not accepted',
  blocked_address: 'the address may not be called',
  protocol: 'the answer was not HTTP',
}

/** `HTTP 503`, or what happened in place of an answer. */
const resultOf = ({ outcome, statusCode, code }: Attempt): string => {
  if (statusCode !== null) return `HTTP ${statusCode}`
  if (outcome === 'unknown') return 'its worker ended before the result was known'
  return code === null ? outcome : (CODES[code] ?? code)
}

type AttemptRowProps = TimelineProps & { attempt: Attempt; open: boolean }

const AttemptRow = ({ attempt, delivery, customHeaders, open }: AttemptRowProps) => (
  <details open={open}>
    <summary>
      <span class="attempt-number">{attempt.number}</span>
      <Badge tone={TONES[attempt.outcome]} sign={SIGNS[attempt.outcome]}>
        {attempt.outcome}
      </Badge>
      <span class="result">{resultOf(attempt)}</span>
      <span class="muted number">
        {attempt.durationMs === null ? '' : duration(attempt.durationMs)}
      </span>
      <span class="when">
        <When iso={attempt.startedAt} />
      </span>
    </summary>
    {attempt.detail === null ? null : <p class="muted wrap">{attempt.detail}</p>}
    <div class="columns">
      <div>
        <h3>Request headers</h3>
        <Headers of={requestHeaders(attempt, delivery, customHeaders)} />
        <p class="hint">
          And <code>webhook-timestamp</code>, <code>webhook-signature</code> and{' '}
          <code>content-type</code> of this attempt. Custom headers are shown as the webhook has
          them now.
        </p>
      </div>
      <div>
        <h3>Response headers</h3>
        {attempt.responseHeaders === null ? (
          <p class="muted">There was no answer.</p>
        ) : (
          <Headers of={attempt.responseHeaders} />
        )}
      </div>
    </div>
    {attempt.responseBody === null || attempt.responseBody === '' ? null : (
      <Payload text={attempt.responseBody} label={`Response to attempt ${attempt.number}`} />
    )}
  </details>
)

const requestHeaders = (
  attempt: Attempt,
  delivery: DeliveryWithAttempts,
  customHeaders: Readonly<Record<string, string>>,
): Record<string, string> => ({
  ...customHeaders,
  'webhook-id': delivery.messageId,
  'webhook-event': delivery.eventName,
  'webhook-delivery-id': delivery.id,
  'webhook-attempt': String(attempt.number),
})

const Headers = ({ of }: { of: Readonly<Record<string, string>> }) => {
  const entries = Object.entries(of)
  if (entries.length === 0) return <p class="muted">None.</p>
  return (
    <dl class="headers">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
