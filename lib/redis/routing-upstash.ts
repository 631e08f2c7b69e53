// The routing table's commands over Upstash's REST API, for functions that keep no TCP connection.

import { Redis } from '@upstash/redis'
import type { RoutingCommands } from './routing-table.ts'

export type UpstashSettings = { url: string; token: string }

/** Builds a client that hands values over as they are: the default would turn "1" into a number and back. */
export const upstashCommands = ({ url, token }: UpstashSettings): RoutingCommands => {
  const redis = new Redis({
    url,
    token,
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    // Postgres serves meanwhile; the caller's budget is shorter than a second try.
    retry: false,
  })
  return {
    versionAndMembers: async (versionKey, setKey) => {
      const [version, members] = await redis
        .pipeline()
        .get(versionKey)
        .smembers(setKey)
        .exec<[string | null, string[]]>()
      return [version, members]
    },
    getMany: async (keys) => (keys.length === 0 ? [] : redis.mget<(string | null)[]>(...keys)),
    run: (script, keys, args) => redis.eval(script, [...keys], [...args]),
  }
}
