// How each part is, and which webhooks fail: what an operator looks for first.

import { readAudit, readSweep } from '../api/broker.ts'
import type { Audit, Readiness, Stats } from '../api/types.ts'
import { useAsk } from '../state/ask.ts'
import { address } from '../state/location.ts'
import { count, percent } from '../state/number.ts'
import { useHealth } from './health.tsx'
import { Section } from './page.tsx'
import { Badge } from './status.tsx'
import { Ago } from './time.tsx'

const REFRESH_MS = 5_000
/** It counts every day that is kept: not every few seconds. */
const AUDIT_MS = 60_000

const PARTS = [
  ['postgres', 'Postgres', 'keeps what was accepted and what became of it'],
  ['redis', 'Redis', 'makes it fast; without it deliveries go straight from Postgres'],
  ['workers', 'Workers', 'make the attempts'],
] as const

const stateOf = (health: Readiness, part: string): [tone: string, sign: string, word: string] => {
  const missing = health.degraded.includes(part) || health.degraded.includes('broker')
  if (!missing) return ['good', '●', 'ready']
  return health.status === 'unavailable' ? ['bad', '✕', 'away'] : ['warn', '◐', 'away']
}

export const Parts = () => {
  const health = useHealth().data
  const sweep = useAsk('sweep', readSweep, REFRESH_MS).data
  const audit = useAsk('audit', readAudit, AUDIT_MS).data
  return (
    <Section title="Parts">
      <ul class="health-list">
        {health === undefined
          ? null
          : PARTS.map(([part, name, does]) => {
              const [tone, sign, word] = stateOf(health, part)
              return (
                <li key={part}>
                  <span>
                    {name} <span class="muted">{does}</span>
                  </span>
                  <Badge tone={tone} sign={sign}>
                    {word}
                  </Badge>
                </li>
              )
            })}
        {sweep === undefined ? null : <SweepLine {...sweep} />}
        {audit === undefined ? null : <AuditLine audit={audit} />}
      </ul>
    </Section>
  )
}

const FINDINGS: Record<string, string> = {
  unqueued: 'asked for',
  expired_lease: 'left by a worker that ended',
  in_flight: 'under way',
  cancelled: 'of removed webhooks',
  crash_budget: 'given up after crashes',
  parked: 'parked',
}

type SweepLineProps = { finishedAt: string | null; found: [string, number][] }

const SweepLine = ({ finishedAt, found }: SweepLineProps) => {
  const some = found.filter(([, number]) => number > 0)
  const said = some.map(([finding, number]) => `${count(number)} ${FINDINGS[finding] ?? finding}`)
  const findings = said.length === 0 ? 'found nothing to repair' : `found ${said.join(', ')}`
  return (
    <li>
      <span>
        Sweep{' '}
        <span class="muted">
          {finishedAt === null && said.length === 0
            ? 'repairs what the queue forgot, in a process of its own'
            : findings}
        </span>
      </span>
      {finishedAt === null ? null : <Ago iso={finishedAt} />}
    </li>
  )
}

const AuditLine = ({ audit }: { audit: Audit }) => (
  <li>
    <span>
      Audit <span class="muted">everything accepted is delivered, dead, cancelled or open</span>
    </span>
    <Badge tone={audit.balanced ? 'good' : 'bad'} sign={audit.balanced ? '●' : '✕'}>
      {audit.balanced ? 'balanced' : 'does not add up'}
    </Badge>
  </li>
)

const SHOWN = 6

/** The webhooks with failed attempts in the window, most failed first. */
export const Failing = ({ webhooks }: Pick<Stats, 'webhooks'>) => {
  const failing = webhooks.filter(({ failed }) => failed > 0).slice(0, SHOWN)
  return (
    <Section title="Webhooks that failed">
      {failing.length === 0 ? <p class="muted">None, in this time.</p> : null}
      {failing.length === 0 ? null : (
        <table class="rows">
          <caption class="unseen">Webhooks with failed attempts, most first</caption>
          <thead>
            <tr>
              <th scope="col">Event and URL</th>
              <th scope="col" class="number">
                Failed
              </th>
              <th scope="col">Success</th>
            </tr>
          </thead>
          <tbody>
            {failing.map((webhook) => (
              <tr key={webhook.webhookId}>
                <td class="main">
                  <a
                    class="row-link"
                    href={address(['webhooks', webhook.eventName, webhook.webhookId])}
                  >
                    {webhook.eventName}
                  </a>
                  <span class="url">{webhook.webhookUrl}</span>
                </td>
                <td class="number">{count(webhook.failed)}</td>
                <td>{webhook.successRate === null ? '–' : percent(webhook.successRate)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  )
}
