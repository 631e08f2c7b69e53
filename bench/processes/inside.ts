// Loaded into every process that is measured, before its own modules: counts the commands that it sends to Redis, and
// profiles it when asked. One addition for each command is all that it costs.
//
// Redis itself cannot tell: its counters hold what scripts call inside, too, and MONITOR halves its speed.

import { Session } from 'node:inspector/promises'
import { Redis } from 'ioredis'
import { offer } from './answering.ts'

/** Under this path tsx, the modules of ours and those of packages all share one ioredis. */
const commands = new Map<string, number>()
const send = Redis.prototype.sendCommand
Redis.prototype.sendCommand = function count(this: Redis, ...args: Parameters<typeof send>) {
  const { name } = args[0]
  commands.set(name, (commands.get(name) ?? 0) + 1)
  return send.apply(this, args)
}

const SAMPLE_US = 200

let session: Session | undefined

offer({
  /** How many of each have been sent since the process began. */
  redisCommands: () => Object.fromEntries(commands),
  profileStart: async () => {
    session = new Session()
    session.connect()
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US })
    await session.post('Profiler.start')
  },
  /** @returns a profile as `node --cpu-prof` writes it */
  profileStop: async () => {
    const stopped = await session?.post('Profiler.stop')
    session?.disconnect()
    return stopped?.profile
  },
})
