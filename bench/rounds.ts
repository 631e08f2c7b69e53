// Runs scenarios round by round on one stage, each beside what it is compared with, and goes on when one of them fails.

import { drainBacklog } from './backlog.ts'
import type { Figures } from './figures.ts'
import { register, untilEnded } from './round.ts'
import { runScenario, type Scenario } from './scenarios.ts'
import { startStage, type Stage, type StageOptions } from './stage.ts'

export type Rounds = {
  /** Of each scenario, a record for every round that succeeded. */
  figures: Map<string, Figures[]>
  /** One line for each round that did not. */
  failures: string[]
}

export type RoundsOptions = StageOptions & {
  rounds: number
  scale: number
  scenarios: readonly [string, Scenario][]
  /** Whether a backlog is drained at the end. */
  backlog: boolean
}

export const add = (rounds: Rounds, name: string, figures: Figures): void => {
  rounds.figures.set(name, [...(rounds.figures.get(name) ?? []), figures])
  const { deliveredPerS, cpuMsPerDelivery } = figures
  if (deliveredPerS !== undefined && cpuMsPerDelivery !== undefined)
    console.log(`${name}: ${Math.round(deliveredPerS)}/s, ${cpuMsPerDelivery.toFixed(3)} CPU ms`)
}

/** Runs a part of the benchmark; what fails is noted, and the others go on. */
export const attempt = async (
  rounds: Rounds,
  name: string,
  run: () => Promise<void>,
): Promise<void> => {
  try {
    await run()
  } catch (error) {
    const line = `${name} failed: ${error instanceof Error ? error.message : String(error)}`
    console.error(line)
    rounds.failures.push(line)
  }
}

export const runRounds = async (rounds: Rounds, options: RoundsOptions): Promise<void> => {
  const stage = await startStage(options)
  try {
    for (const [, { shape }] of options.scenarios) await register(stage, shape)
    for (let round = 0; round < options.rounds; round += 1) await runRound(stage, rounds, options)
    if (options.backlog)
      await attempt(rounds, 'backlog', async () => {
        add(rounds, 'backlog', await drainBacklog(stage, options.scale))
      })
  } finally {
    if (rounds.failures.length > 0) console.error(stage.said())
    await stage.stop()
  }
}

const runRound = async (stage: Stage, rounds: Rounds, options: RoundsOptions): Promise<void> => {
  let bare: number | undefined
  for (const [name, scenario] of options.scenarios) {
    await attempt(rounds, name, async () => {
      const figures = await runScenario(stage, scenario)
      const rate = figures['deliveredPerS'] ?? Number.NaN
      if (scenario.comparedWith === undefined) bare = rate
      else if (bare !== undefined) figures['ratioToBare'] = rate / bare
      add(rounds, name, figures)
    })
    if (scenario.comparedWith !== undefined) bare = undefined
    // After a failure only: what is still under way would be taken for the next one's.
    await attempt(rounds, `the end of ${name}`, () => untilEnded(stage))
  }
}
