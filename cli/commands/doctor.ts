// `webhook-broker doctor`: what is wrong, and what to do about it.

import { loadProcessConfig } from '../../lib/config.ts'
import type { Finding, Verdict } from '../doctor/judge.ts'
import { lookAtBroker } from '../doctor/look-at-broker.ts'
import { EXIT } from '../exit.ts'
import type { Kit } from '../kit.ts'
import { clean, type Output, type Style } from '../output.ts'

export const addDoctor = ({ command, run }: Kit): void => {
  command('doctor', 'check the broker, its key, its configuration, Postgres and Redis').action(
    run(async ({ baseUrl, apiKey, out }) => {
      // Only here: no other command should wait for the drivers of the stores to load.
      const { lookAtStores } = await import('../doctor/look-at-stores.ts')
      const nowMs = Date.now
      const findings = [
        ...(await lookAtBroker({ baseUrl, apiKey, nowMs })),
        // The mode with the fewest demands: what is missing is said by the checks themselves.
        ...(await lookAtStores({ loadConfig: () => loadProcessConfig('start'), nowMs })),
      ]
      const isHealthy = findings.every(({ verdict }) => verdict !== 'fail')
      if (out.json) out.value({ healthy: isHealthy, findings })
      else print(out, findings)
      return isHealthy ? EXIT.ok : EXIT.failed
    }),
  )
}

const PAINTS: Record<Verdict, keyof Style> = { ok: 'good', warn: 'warn', fail: 'bad', skip: 'dim' }

const print = (out: Output, findings: readonly Finding[]): void => {
  const width = Math.max(...findings.map(({ check }) => check.length))
  for (const { check, verdict, found, advice } of findings) {
    const shown = out.style[PAINTS[verdict]](verdict.toUpperCase().padEnd(4))
    out.line(`${shown}  ${check.padEnd(width)}  ${clean(found)}`)
    if (advice !== undefined) out.line(`${' '.repeat(width + 8)}-> ${advice}`)
  }
}
