// How the broker is, on every view: Postgres decides, so without it nothing is accepted; without the rest it is slower.

import { readiness } from '../api/broker.ts'
import type { Readiness } from '../api/types.ts'
import { useAsk } from '../state/ask.ts'
import { Badge } from './status.tsx'

const REFRESH_MS = 2_000

const NAMES: Record<string, string> = {
  redis: 'Redis',
  workers: 'workers',
  postgres: 'Postgres',
  broker: 'the broker',
}

export const useHealth = () => useAsk('health', readiness, REFRESH_MS)

const listed = (parts: readonly string[]): string =>
  parts.map((part) => NAMES[part] ?? part).join(', ')

export const healthText = ({ status, degraded }: Readiness): string => {
  switch (status) {
    case 'ready':
      return 'ready'
    case 'degraded':
      return `degraded: without ${listed(degraded)}`
    case 'unavailable':
      return `unavailable: ${listed(degraded)} does not answer`
  }
}

const TONES = { ready: 'good', degraded: 'warn', unavailable: 'bad' } as const
const SIGNS = { ready: '●', degraded: '◐', unavailable: '✕' } as const

export const HealthLine = () => {
  const { data } = useHealth()
  return (
    <span class="health" role="status" aria-label="Health of the broker">
      {data === undefined ? null : (
        <Badge tone={TONES[data.status]} sign={SIGNS[data.status]}>
          {healthText(data)}
        </Badge>
      )}
    </span>
  )
}
