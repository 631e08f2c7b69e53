// The benchmark: `npm run bench -- --only fan1,fan10 --rounds 3`. Real Redis, real Postgres, every part a process of its
// own. Prints tables and writes bench/results/<date>.json. What it measures and how: docs/performance.md.

import { parseArgs } from 'node:util'
import { describeRun } from './describe.ts'
import { summarise, type Figures } from './figures.ts'
import { printResult, writeResult } from './report.ts'
import { register } from './round.ts'
import { makeScenarios, runScenario, type Scenario } from './scenarios.ts'
import { startStage, type Stage } from './stage.ts'

const { values: options } = parseArgs({
  options: {
    /** Names of scenarios, comma separated; what they are compared with is run, too. */
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    workers: { type: 'string', default: '1' },
    /** Another Node for the processes that are measured. */
    node: { type: 'string', default: process.execPath },
    /** A share of the events. */
    scale: { type: 'string', default: '1' },
    'log-level': { type: 'string', default: 'warn' },
    results: { type: 'string', default: 'bench/results' },
  },
})
const settings = {
  rounds: Number(options.rounds),
  workers: Number(options.workers),
  scale: Number(options.scale),
  logLevel: options['log-level'],
}

/** In the order of the list, each right after what it is compared with. */
const chosen = (only: string | undefined): [string, Scenario][] => {
  const all = makeScenarios(settings.scale)
  const wanted = only?.split(',') ?? Object.keys(all)
  const unknown = wanted.filter((name) => all[name] === undefined)
  if (unknown.length > 0)
    throw new Error(`no scenario ${unknown.join(', ')}; there are ${Object.keys(all).join(', ')}`)
  return Object.entries(all).filter(
    ([name]) => wanted.includes(name) || wanted.some((other) => all[other]?.comparedWith === name),
  )
}

type Rounds = Map<string, Figures[]>

const runRounds = async (
  stage: Stage,
  scenarios: readonly [string, Scenario][],
): Promise<Rounds> => {
  const rounds: Rounds = new Map()
  for (const [, { shape }] of scenarios) await register(stage, shape)
  for (let round = 0; round < settings.rounds; round += 1) {
    for (const [name, scenario] of scenarios) {
      const figures = await runScenario(stage, scenario)
      const bare = rounds.get(scenario.comparedWith ?? '')?.[round]?.['deliveredPerS']
      if (bare !== undefined) figures['ratioToBare'] = (figures['deliveredPerS'] ?? 0) / bare
      rounds.set(name, [...(rounds.get(name) ?? []), figures])
      const { deliveredPerS = 0, cpuMsPerDelivery = 0 } = figures
      console.log(
        `round ${round + 1}: ${name} ${Math.round(deliveredPerS)}/s, ${cpuMsPerDelivery.toFixed(3)} CPU ms`,
      )
    }
  }
  return rounds
}

const scenarios = chosen(options.only)
const stage = await startStage({ ...settings, node: options.node })
try {
  const about = await describeRun(stage.services, options.node, settings)
  const rounds = await runRounds(stage, scenarios)
  const summaries = [...rounds].map(([name, figures]) => [name, summarise(figures)] as const)
  const result = { ...about, scenarios: Object.fromEntries(summaries) }
  printResult(result)
  console.log(`\nwritten to ${writeResult(result, options.results)}`)
} catch (error) {
  console.error(stage.said())
  throw error
} finally {
  await stage.stop()
}
