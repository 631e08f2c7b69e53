// The benchmark: `npm run bench -- --only fan1,fan10 --rounds 3`. Real Redis, real Postgres, every part a process of its
// own. Prints tables and writes bench/results/<date>.json. What it measures and how: docs/performance.md.

import { parseArgs } from 'node:util'
import { coldStarts } from './coldstart.ts'
import { compile, containerNodeOptions } from './compile.ts'
import { describeRun } from './describe.ts'
import { embeddedRounds } from './embedded.ts'
import { summarise } from './figures.ts'
import { printResult, writeResult } from './report.ts'
import { readMillion } from './million.ts'
import { add, attempt, runRounds, type Rounds } from './rounds.ts'
import { makeScenarios, type Scenario } from './scenarios.ts'

const { values: options } = parseArgs({
  options: {
    /** Names of scenarios, comma separated; what they are compared with is run, too. */
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    workers: { type: 'string', default: '1' },
    /** BROKER_WORKER_CONCURRENCY, and the same for the bare queue's workers. */
    concurrency: { type: 'string', default: '200' },
    /** Another Node for the processes that are measured. */
    node: { type: 'string', default: process.execPath },
    /** Run the sources through tsx, instead of what a container runs. */
    sources: { type: 'boolean', default: false },
    /** NODE_OPTIONS of the measured processes; by default those of the container. */
    'node-options': { type: 'string', default: containerNodeOptions() },
    /** A share of the events. */
    scale: { type: 'string', default: '1' },
    'log-level': { type: 'string', default: 'warn' },
    results: { type: 'string', default: 'bench/results' },
  },
})
const settings = {
  rounds: Number(options.rounds),
  workers: Number(options.workers),
  concurrency: Number(options.concurrency),
  scale: Number(options.scale),
  logLevel: options['log-level'],
  sources: options.sources,
  nodeOptions: options['node-options'],
}
const { node } = options
const staged = makeScenarios(settings.scale)
/** Each with a stage of its own. */
const ALONE = ['backlog', 'embedded', 'list', 'coldstart']

const wanted = options.only?.split(',') ?? [...Object.keys(staged), ...ALONE]
const unknown = wanted.filter((name) => staged[name] === undefined && !ALONE.includes(name))
if (unknown.length > 0) {
  const known = [...Object.keys(staged), ...ALONE].join(', ')
  throw new Error(`no scenario ${unknown.join(', ')}; there are ${known}`)
}
const isWanted = (name: string) => wanted.includes(name)
/** Each right after what it is compared with. */
const scenarios: [string, Scenario][] = Object.entries(staged).filter(
  ([name]) => isWanted(name) || wanted.some((other) => staged[other]?.comparedWith === name),
)

const compiled = options.sources ? undefined : await compile()
const rounds: Rounds = { figures: new Map(), failures: [] }
const about = describeRun(node, settings)
if (scenarios.length > 0 || isWanted('backlog')) {
  const backlog = isWanted('backlog')
  await attempt(rounds, 'the stage', () =>
    runRounds(rounds, { ...settings, node, compiled, scenarios, backlog }),
  )
}
const alone = async (name: string, run: () => Promise<readonly Parameters<typeof add>[2][]>) => {
  if (!isWanted(name)) return
  await attempt(rounds, name, async () => {
    for (const figures of await run()) add(rounds, name, figures)
  })
}
await alone('embedded', () => embeddedRounds({ ...settings, node, compiled }))
await alone('coldstart', () => coldStarts({ ...settings, node }))
await alone('list', async () => [await readMillion(settings.scale)])

const summaries = [...rounds.figures].map(([name, figures]) => [name, summarise(figures)] as const)
const result = { ...about, scenarios: Object.fromEntries(summaries), failures: rounds.failures }
printResult(result)
console.log(`\nwritten to ${writeResult(result, options.results)}`)
if (rounds.failures.length > 0) {
  console.error(`\n${rounds.failures.join('\n')}`)
  process.exitCode = 1
}
