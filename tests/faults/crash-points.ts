// One row of the crash table: a worker dies in a step, another one takes over. Shared by the quick run (1 delivery) and
// the long one (50).

import { expect } from 'vitest'
import type { StepName } from '../../lib/broker/ports.ts'
import type { Verdict } from './oracle.ts'
import type { Rig } from './rig.ts'

export type CrashPoint = {
  step: StepName
  /** The how-manieth time that the step is done is the last. */
  hit: number
  /** A query for the receiver. */
  behaviour?: string
  deliveries: number
}

let runs = 0

/** Kills a worker in a step and lets another one finish. @returns the verdict on its deliveries alone */
export const crashWorkerIn = async (rig: Rig, point: CrashPoint): Promise<Verdict> => {
  const { step, hit, behaviour = '', deliveries } = point
  const eventName = `crash-${step}-${(runs += 1)}`
  await rig.webhooks(eventName, { count: deliveries, behaviour })
  const victim = await rig.start('worker', { FAILPOINTS: `${step}=kill@${hit}` })
  await rig.client.trigger(eventName)
  expect(await victim.exited).toEqual({ code: null, signal: 'SIGKILL' })

  const survivor = await rig.start('worker')
  await rig.settle()
  const verdict = await rig.verdict(eventName)
  expect((await survivor.stop()).code).toBe(0)
  return verdict
}
