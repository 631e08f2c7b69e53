// How well webhooks are kept apart: `npm run bench:isolation -- <scenario> …` at full length, on real processes. Prints what
// docs/isolation.md quotes. Scenarios: hanging, hanging-cap (without the breaker), dead, recovery, rate, spread; all of
// them when none is named. FOR_S and DEAD_S shorten them.

import { startIsolationRig, type IsolationRig } from '../tests/faults/isolation-rig.ts'
import {
  dead,
  hanging,
  rate,
  recovery,
  spread,
  type Compared,
} from '../tests/faults/isolation-scenarios.ts'

const seconds = (name: string, byDefault: number) => Number(process.env[name] ?? byDefault) * 1_000

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

const inTurn = (rounds: readonly Compared[]) => {
  const ratio = (of: 'p95Ms' | 'p99Ms') =>
    median(rounds.map(({ without, withBad }) => withBad[of] / without[of]))?.toFixed(2)
  return { rounds, medianRatioP95: ratio('p95Ms'), medianRatioP99: ratio('p99Ms') }
}

const HANGING = { healthy: 50, backlog: 10_000, forMs: seconds('FOR_S', 20), rounds: 3 }
const DEAD = { receivers: 500, perSecond: 200, forMs: seconds('FOR_S', 20), rounds: 3 }
const RECOVERY = {
  perSecond: 50,
  deadForMs: seconds('DEAD_S', 600),
  patienceMs: 300_000,
  loadAfterMs: seconds('FOR_S', 60),
}
const RATE = { limit: 50, events: 3_000, forMs: seconds('FOR_S', 30) }

type Scenario = {
  workers?: number
  env?: Readonly<Record<string, string>>
  run(rig: IsolationRig): Promise<unknown>
}

const SCENARIOS: Record<string, Scenario> = {
  hanging: { run: async (rig) => inTurn(await hanging(rig, HANGING)) },
  'hanging-cap': {
    env: { BROKER_BREAKER_FAILURES: '0' },
    run: async (rig) => inTurn(await hanging(rig, HANGING)),
  },
  dead: { run: async (rig) => inTurn(await dead(rig, DEAD)) },
  rate: { workers: 4, run: (rig) => rate(rig, RATE) },
  spread: { run: (rig) => spread(rig, 200) },
  recovery: { run: (rig) => recovery(rig, RECOVERY) },
}

const wanted = process.argv.slice(2)
for (const name of wanted.length === 0 ? Object.keys(SCENARIOS) : wanted) {
  const scenario = SCENARIOS[name]
  if (scenario === undefined) {
    throw new Error(`no scenario ${name}: ${Object.keys(SCENARIOS).join(', ')}`)
  }
  const rig = await startIsolationRig(scenario.env)
  try {
    const workers = Array.from({ length: scenario.workers ?? 1 }, () => rig.start('worker'))
    await Promise.all([rig.start('api'), rig.start('sweep'), ...workers])
    console.log(name, JSON.stringify(await scenario.run(rig)))
  } finally {
    await rig.stop()
  }
}
