// The routing table's commands over a TCP connection.

import type { Redis } from 'ioredis'
import type { RoutingCommands } from './routing-table.ts'

/** @param redis a client that fails fast (see connect.ts) */
export const ioredisCommands = (redis: Redis): RoutingCommands => ({
  versionAndMembers: async (versionKey, setKey) => {
    // One pipeline; its commands run in this order.
    const replies = await redis.pipeline().get(versionKey).smembers(setKey).exec()
    const [version, members] = (replies ?? []).map(([error, reply]) => {
      if (error !== null) throw error
      return reply
    })
    return [typeof version === 'string' ? version : null, members as string[]]
  },
  getMany: (keys) => (keys.length === 0 ? Promise.resolve([]) : redis.mget(...keys)),
  run: (script, keys, args) => redis.eval(script, keys.length, ...keys, ...args),
})
