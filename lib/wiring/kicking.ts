// The kick of a function. Only a function has one: a container's worker waits at the queue by itself.

import { randomUUID } from 'node:crypto'
import { makeKick, type Kick } from '../broker/kick.ts'
import { makePatience } from '../broker/patience.ts'
import type { KickMark, Log } from '../broker/ports.ts'
import type { Config } from '../config.ts'
import { makeInvokeDrain } from '../lambda/invoke-drain.ts'
import { systemClock } from './runtime.ts'

const noKick: Kick = () => Promise.resolve()

/**
 * Loads what the kick needs while the function starts, so that its first trigger does not pay for it.
 *
 * @returns a kick that does nothing without BROKER_DRAIN_FUNCTION, without Redis, and where there is no AWS SDK
 */
export const openKick = async (
  { drainFunction }: Pick<Config, 'drainFunction'>,
  { kickMark: mark, log }: { kickMark: KickMark | undefined; log: Log },
): Promise<Kick> => {
  if (drainFunction === undefined || mark === undefined) return noKick
  try {
    const invoke = await makeInvokeDrain(drainFunction)
    const clock = systemClock
    const patience = makePatience({ clock, log })
    return makeKick({ mark, invoke, makeToken: randomUUID, patience, clock, log })
  } catch (error) {
    log.warn('kick.off', { error, effect: 'the drain runs on its schedule alone' })
    return noKick
  }
}
