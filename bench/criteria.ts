// What the broker is held to under load, each with its limit, judged on the medians of a result. Pure.

import type { Summary } from './figures.ts'

type Scenarios = Readonly<Record<string, Summary>>

export type Judged = {
  what: string
  limit: string
  /** As it is shown; empty when it was not measured. */
  measured: string
  met: boolean | undefined
}

type Criterion = {
  what: string
  of: (scenarios: Scenarios) => number | undefined
  limit: number
  /** Which side of the limit is the good one. */
  good: 'at least' | 'at most'
  unit?: string
  digits?: number
}

const figure =
  (scenario: string, name: string): Criterion['of'] =>
  (scenarios) =>
    scenarios[scenario]?.[name]?.median

/** The highest of all scenarios in which a part is a process of its own. */
const peak =
  (part: string): Criterion['of'] =>
  (scenarios) => {
    const all = Object.entries(scenarios)
      .filter(([name]) => !name.startsWith('bare '))
      .flatMap(([, summary]) => summary[`peakMb.${part}`]?.max ?? [])
    return all.length === 0 ? undefined : Math.max(...all)
  }

const quotient =
  (one: Criterion['of'], other: Criterion['of']): Criterion['of'] =>
  (scenarios) => {
    const [above, below] = [one(scenarios), other(scenarios)]
    return above === undefined || below === undefined ? undefined : above / below
  }

/** A limit in ms depends on the machine. It was set on one on which the bare queue took `bareTook`: so much for every machine. */
const inMs = (
  {
    scenario,
    name,
    ...criterion
  }: { scenario: string; name: string } & Omit<Criterion, 'of' | 'good'>,
  bareTook: number,
): Criterion[] => [
  { ...criterion, of: figure(scenario, name), good: 'at most', unit: 'ms' },
  {
    what: `${criterion.what}, as a multiple of the bare queue`,
    of: quotient(figure(scenario, name), figure(`bare ${scenario}`, name)),
    limit: Math.round((criterion.limit / bareTook) * 100) / 100,
    good: 'at most',
    digits: 2,
  },
]

const CRITERIA: readonly Criterion[] = [
  {
    what: '`fan1`: delivered/s as a share of the bare queue',
    of: figure('fan1', 'ratioToBare'),
    limit: 0.45,
    good: 'at least',
    digits: 2,
  },
  {
    what: '`fan10`: the same',
    of: figure('fan10', 'ratioToBare'),
    limit: 0.65,
    good: 'at least',
    digits: 2,
  },
  {
    what: '`fan1000`: accept p95',
    of: figure('fan1000', 'acceptP95Ms'),
    limit: 150,
    good: 'at most',
    unit: 'ms',
    digits: 0,
  },
  ...inMs(
    {
      what: '`paced`: trigger to arrival p50',
      scenario: 'paced',
      name: 'arrivalP50Ms',
      limit: 2.6,
    },
    1.8,
  ),
  ...inMs(
    {
      what: '`paced`: trigger to arrival p99',
      scenario: 'paced',
      name: 'arrivalP99Ms',
      limit: 7.7,
    },
    5.4,
  ),
  {
    what: '`paced`: accept p99',
    of: figure('paced', 'acceptP99Ms'),
    limit: 6,
    good: 'at most',
    unit: 'ms',
  },
  ...inMs(
    {
      what: '`fan1`: CPU per delivery',
      scenario: 'fan1',
      name: 'cpuMsPerDelivery',
      limit: 0.8,
      digits: 2,
    },
    0.39,
  ),
  ...inMs(
    {
      what: '`fan10`: CPU per delivery',
      scenario: 'fan10',
      name: 'cpuMsPerDelivery',
      limit: 0.45,
      digits: 2,
    },
    0.28,
  ),
  {
    what: '`fan1`: SQL statements per delivery',
    of: figure('fan1', 'sqlPerDelivery'),
    limit: 0.15,
    good: 'at most',
    digits: 3,
  },
  {
    what: '`fan10`: SQL statements per delivery',
    of: figure('fan10', 'sqlPerDelivery'),
    limit: 0.05,
    good: 'at most',
    digits: 3,
  },
  {
    what: '`fan1`: Redis commands sent per delivery',
    of: figure('fan1', 'redisPerDelivery'),
    limit: 4.2,
    good: 'at most',
    digits: 2,
  },
  {
    what: '`fan10`: Redis commands sent per delivery',
    of: figure('fan10', 'redisPerDelivery'),
    limit: 2.4,
    good: 'at most',
    digits: 2,
  },
  {
    what: 'worker: highest resident memory of all scenarios',
    of: peak('worker'),
    limit: 200,
    good: 'at most',
    unit: 'MB',
    digits: 0,
  },
  {
    what: 'API: highest resident memory of all scenarios',
    of: peak('api'),
    limit: 150,
    good: 'at most',
    unit: 'MB',
    digits: 0,
  },
  {
    what: '`backlog`: worker memory at its end over that after a quarter',
    of: quotient(
      figure('backlog', 'workerMbAfter100Percent'),
      figure('backlog', 'workerMbAfter25Percent'),
    ),
    limit: 1.1,
    good: 'at most',
    digits: 2,
  },
  {
    what: '`backlog`: delivered/s as a share of `fan1`',
    of: quotient(figure('backlog', 'deliveredPerS'), figure('fan1', 'deliveredPerS')),
    limit: 0.9,
    good: 'at least',
    digits: 2,
  },
  {
    what: '`list`: slowest p95 of all lists at 1,000,000 deliveries',
    of: figure('list', 'slowestListP95Ms'),
    limit: 50,
    good: 'at most',
    unit: 'ms',
  },
  {
    what: '`list`: a sweep with 1,000,000 finished and 100 open deliveries',
    of: figure('list', 'sweepMs'),
    limit: 50,
    good: 'at most',
    unit: 'ms',
    digits: 0,
  },
]

/** One line for each criterion, in order; what was not measured is neither met nor missed. */
export const judge = (scenarios: Scenarios): Judged[] =>
  CRITERIA.map(({ what, of, limit, good, unit = '', digits = 1 }) => {
    const value = of(scenarios)
    const shown = (number: number, places: number) => `${number.toFixed(places)} ${unit}`.trim()
    return {
      what,
      limit: `${good} ${`${limit} ${unit}`.trim()}`,
      measured: value === undefined ? '' : shown(value, digits),
      met: value === undefined ? undefined : good === 'at least' ? value >= limit : value <= limit,
    }
  })
