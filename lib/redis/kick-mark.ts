// The mark of the kick, over a socket or over REST. Scripts, because each step is a question and a change in one.

import type { KickMark } from '../broker/ports.ts'
import type { SendCommands } from './commands.ts'
import { CLEAR_MARK, SET_MARK, WITHDRAW_MARK } from './scripts.ts'

// A drain that was asked for and never ran may keep others from being asked for so long; the schedule runs each minute.
const MARK_TTL_MS = 30_000

/** Every method throws BrokerError `queue_unavailable` when Redis does not answer. @param key from keys.ts */
export const makeKickMark = (send: SendCommands, key: string): KickMark => {
  const run = async (script: string, ...args: string[]): Promise<boolean> => {
    const [reply] = await send([{ kind: 'script', script, keys: [key], args }])
    return reply === 1
  }
  return {
    set: (token) => run(SET_MARK, token, String(MARK_TTL_MS)),
    withdraw: async (token) => {
      await run(WITHDRAW_MARK, token)
    },
    clear: async () => {
      await run(CLEAR_MARK)
    },
  }
}
