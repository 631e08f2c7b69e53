// Whether the broker can do its work. Postgres decides; a missing Redis or worker makes it slower, not unready.

import type { LogReader } from './ports.ts'

/** `degraded` names what is missing: `redis`, `workers`. */
export type Readiness = () => Promise<{ ready: boolean; degraded: string[] }>

export type ReadinessDeps = {
  reader: Pick<LogReader, 'ping'>
  /** Named checks that reject (or answer false) when a part is missing. They end by themselves. */
  optional: Record<string, () => Promise<boolean>>
}

export const makeReadiness =
  ({ reader, optional }: ReadinessDeps): Readiness =>
  async () => {
    const [ready, ...present] = await Promise.all([
      reader.ping().then(
        () => true,
        () => false,
      ),
      ...Object.values(optional).map((check) => check().catch(() => false)),
    ])
    return { ready, degraded: Object.keys(optional).filter((_, index) => present[index] === false) }
  }
