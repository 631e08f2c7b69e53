// The scenarios that are measured round by round, each beside what it is compared with. Every one of a round is followed at
// once by the next, so that ratios are of one moment of the machine.

import type { Figures } from './figures.ts'
import { bareRound, brokerRound, limitRound, type Shape } from './round.ts'
import type { Stage } from './stage.ts'

export type Scenario = {
  shape: Shape
  /** Fired before each measured round, and forgotten. */
  warmUp: Shape
  run(stage: Stage, shape: Shape): Promise<Figures>
  /** The scenario that this one's rate is divided by; it is run just before. */
  comparedWith?: string
}

const LANES = 50

/** @param scale a share of the events: 1 for figures, less to see whether it works */
export const makeScenarios = (scale: number): Readonly<Record<string, Scenario>> => {
  const events = (count: number) => Math.max(1, Math.round(count * scale))
  const fan = (
    fanOut: number,
    count: number,
    lanes: number,
  ): Pick<Scenario, 'shape' | 'warmUp'> => ({
    shape: { eventName: `fan${fanOut}`, fanOut, pace: { events: events(count), lanes } },
    warmUp: {
      eventName: `fan${fanOut}`,
      fanOut,
      pace: { events: events(Math.ceil(500 / fanOut)), lanes },
    },
  })
  const paced: Pick<Scenario, 'shape' | 'warmUp'> = {
    shape: { eventName: 'paced', fanOut: 1, pace: { events: events(1_000), perSecond: 50 } },
    warmUp: { eventName: 'paced', fanOut: 1, pace: { events: events(300), lanes: 10 } },
  }
  const fan1 = fan(1, 5_000, LANES)
  const fan10 = fan(10, 1_000, LANES)
  return {
    limit: { ...fan(1, 20_000, 100), run: limitRound },
    'bare fan1': { ...fan1, run: bareRound },
    fan1: { ...fan1, run: brokerRound, comparedWith: 'bare fan1' },
    'bare fan10': { ...fan10, run: bareRound },
    fan10: { ...fan10, run: brokerRound, comparedWith: 'bare fan10' },
    // One after another: an event of a thousand webhooks is accepted while those before it are delivered.
    fan1000: { ...fan(1_000, 10, 1), run: brokerRound },
    'bare paced': { ...paced, run: bareRound },
    paced: { ...paced, run: brokerRound, comparedWith: 'bare paced' },
  }
}

export const runScenario = async (
  stage: Stage,
  { run, warmUp, shape }: Scenario,
): Promise<Figures> => {
  await run(stage, warmUp)
  return run(stage, shape)
}
