// F11: bad receivers beside healthy ones. Ratios are of one run, medians of three; the full lengths of docs/isolation.md,
// such as the outage of ten minutes, and the cap without the breaker are left to `npm run bench:isolation`.

import { expect, test } from 'vitest'
import { startIsolationRig, type IsolationRig } from '../isolation-rig.ts'
import { dead, hanging, rate, recovery, type Compared } from '../isolation-scenarios.ts'
import { print } from '../print.ts'

const withRig = async <Result>(
  { workers = 1, env = {} }: { workers?: number; env?: Readonly<Record<string, string>> },
  run: (rig: IsolationRig) => Promise<Result>,
): Promise<Result> => {
  const rig = await startIsolationRig(env)
  try {
    const started = Array.from({ length: workers }, () => rig.start('worker'))
    await Promise.all([rig.start('api'), rig.start('sweep'), ...started])
    const result = await run(rig)
    print(`isolation: ${JSON.stringify(result)}`)
    return result
  } finally {
    await rig.stop()
  }
}

const medianRatio = (rounds: readonly Compared[], of: 'p95Ms' | 'p99Ms') =>
  rounds
    .map(({ without, withBad }) => withBad[of] / without[of])
    .sort((a, b) => a - b)
    .at(Math.floor(rounds.length / 2))

const HANGING = { healthy: 50, backlog: 10_000, forMs: 8_000, rounds: 3 }
const TEN_MINUTES_MS = 600_000

test(
  'one hanging webhook with 10,000 open deliveries: p99 of the others at most 1.5 times',
  async () => {
    const rounds = await withRig({}, (rig) => hanging(rig, HANGING))
    expect(rounds.map(({ withBad }) => withBad.lost)).toEqual([0, 0, 0])
    expect(medianRatio(rounds, 'p99Ms')).toBeLessThanOrEqual(1.5)
  },
  TEN_MINUTES_MS,
)

test(
  '30 % of 500 receivers dead: p95 of the others at most 1.5 times',
  async () => {
    const rounds = await withRig({}, (rig) =>
      dead(rig, { receivers: 500, perSecond: 200, forMs: 8_000, rounds: 3 }),
    )
    expect(rounds.map(({ withBad }) => withBad.lost)).toEqual([0, 0, 0])
    expect(medianRatio(rounds, 'p95Ms')).toBeLessThanOrEqual(1.5)
  },
  TEN_MINUTES_MS,
)

test(
  'a receiver that was dead for half a minute gets its backlog within three, and not at once',
  async () => {
    const result = await withRig({}, (rig) =>
      recovery(rig, {
        perSecond: 50,
        deadForMs: 30_000,
        patienceMs: 180_000,
        loadAfterMs: 10_000,
      }),
    )
    expect(result).toMatchObject({ lost: 0, copies: 0, backlog: 1_500 })
    expect(result.reachedWhileDead).toBeLessThanOrEqual(60)
    expect(result.ramp[0]).toBeLessThan(1_500)
  },
  TEN_MINUTES_MS,
)

test(
  'four workers, 50 a second: at most 53 in any second, at least 47 on average',
  async () => {
    const result = await withRig({ workers: 4 }, (rig) =>
      rate(rig, { limit: 50, events: 2_500, forMs: 12_000 }),
    )
    // The work did not run out.
    expect(result.arrived).toBeLessThan(2_500)
    expect(result.most).toBeLessThanOrEqual(53)
    expect(result.perSecond).toBeGreaterThanOrEqual(47)
  },
  TEN_MINUTES_MS,
)
