// The routing table's commands over a socket (ioredis). One pipeline is one round trip.

import type { Redis } from 'ioredis'
import { BrokerError } from '../domain/errors.ts'
import type { SendCommands } from './commands.ts'

/** @param redis a client that fails fast (see connect.ts) */
export const ioredisCommands =
  (redis: Redis): SendCommands =>
  async (commands) => {
    const pipeline = redis.pipeline()
    for (const command of commands) {
      switch (command.kind) {
        case 'get':
          pipeline.get(command.key)
          break
        case 'members':
          pipeline.smembers(command.key)
          break
        case 'script':
          pipeline.eval(command.script, command.keys.length, ...command.keys, ...command.args)
          break
      }
    }
    const replies = await pipeline.exec().catch((cause: unknown) => {
      throw unavailable(cause)
    })
    return (replies ?? []).map(([error, reply]) => {
      if (error !== null) throw unavailable(error)
      return reply
    })
  }

const unavailable = (cause: unknown): BrokerError =>
  new BrokerError('queue_unavailable', 'Redis did not carry out a command', { cause })
