// Failpoints: FAILPOINTS="W2=kill@3,T2=throw" makes the process die, freeze or throw right after the n-th time that a
// step was done. Unset, which is always outside the fault tests, this is one empty function.

import { BrokerError } from '../domain/errors.ts'
import type { StepName, Steps } from '../broker/ports.ts'

export type FailpointAction = 'kill' | 'stop' | 'throw'
export type Failpoint = { step: StepName; action: FailpointAction; hit: number }

const SPEC = /^([TWSRE]\d)=(kill|stop|throw)(?:@(\d+))?$/

/** @returns undefined when the text is no list of failpoints */
export const parseFailpoints = (text: string): Failpoint[] | undefined => {
  const failpoints: Failpoint[] = []
  for (const part of text.split(',')) {
    const match = SPEC.exec(part.trim())
    if (match === null) return undefined
    failpoints.push({
      step: match[1] as StepName,
      action: match[2] as FailpointAction,
      hit: Number(match[3] ?? 1),
    })
  }
  return failpoints
}

/** The hook as FAILPOINTS asks for it. @throws BrokerError `invalid_request` when it cannot be read */
export const stepsOf = (text: string | undefined): Steps => {
  const failpoints = text === undefined ? [] : parseFailpoints(text)
  if (failpoints === undefined) {
    throw new BrokerError('invalid_request', 'FAILPOINTS must be like W2=kill@3,T2=throw')
  }
  return makeSteps(failpoints)
}

/** Builds the hook that the use cases call after each step. */
export const makeSteps = (failpoints: readonly Failpoint[]): Steps => {
  if (failpoints.length === 0) return () => undefined
  const hits = new Map<StepName, number>()
  return (step) => {
    const hit = (hits.get(step) ?? 0) + 1
    hits.set(step, hit)
    for (const failpoint of failpoints) {
      if (failpoint.step === step && failpoint.hit === hit) act(failpoint)
    }
  }
}

const act = ({ step, action }: Failpoint): void => {
  if (action === 'throw') throw new Error(`failpoint ${step}`)
  process.kill(process.pid, action === 'kill' ? 'SIGKILL' : 'SIGSTOP')
}
