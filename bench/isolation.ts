// How well webhooks are kept apart: `npm run bench:isolation -- <scenario>` at full length, on real processes. Prints what
// docs/isolation.md quotes. Scenarios: hanging, hanging-cap (without the breaker), dead, recovery.

import {
  dead,
  hanging,
  rate,
  recovery,
  type Compared,
} from '../tests/faults/isolation-scenarios.ts'

const seconds = (name: string, byDefault: number) => Number(process.env[name] ?? byDefault) * 1_000

const compared = ({ without, withBad, openBad }: Compared) => ({
  without,
  withBad,
  openBad,
  ratioP95: Number((withBad.p95Ms / without.p95Ms).toFixed(2)),
  ratioP99: Number((withBad.p99Ms / without.p99Ms).toFixed(2)),
})

const inTurn = (rounds: readonly Compared[]) => {
  const each = rounds.map(compared)
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]
  return {
    rounds: each,
    medianRatioP95: median(each.map(({ ratioP95 }) => ratioP95)),
    medianRatioP99: median(each.map(({ ratioP99 }) => ratioP99)),
  }
}

const HANGING = { backlog: 10_000, forMs: seconds('FOR_S', 20), rounds: 3 }

const SCENARIOS: Record<string, () => Promise<unknown>> = {
  hanging: async () => inTurn(await hanging(HANGING)),
  'hanging-cap': async () =>
    inTurn(await hanging({ ...HANGING, env: { BROKER_BREAKER_FAILURES: '0' } })),
  dead: async () =>
    inTurn(await dead({ receivers: 500, perSecond: 200, forMs: seconds('FOR_S', 20), rounds: 3 })),
  rate: () => rate({ workers: 4, limit: 50, events: 3_000, forMs: seconds('FOR_S', 30) }),
  recovery: () =>
    recovery({ perSecond: 50, deadForMs: seconds('DEAD_S', 600), patienceMs: 300_000 }),
}

const wanted = process.argv.slice(2)
for (const name of wanted.length === 0 ? Object.keys(SCENARIOS) : wanted) {
  const run = SCENARIOS[name]
  if (run === undefined)
    throw new Error(`no scenario ${name}: ${Object.keys(SCENARIOS).join(', ')}`)
  console.log(name, JSON.stringify(await run()))
}
