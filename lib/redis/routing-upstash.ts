// The routing table's commands over REST (@upstash/redis), for functions that should hold no socket. It reaches the
// same database as the socket and writes the same bytes: the client's own JSON encoding is switched off.

import { Redis } from '@upstash/redis'
import { BrokerError } from '../domain/errors.ts'
import type { SendCommands } from './commands.ts'

export type UpstashSettings = {
  /** UPSTASH_REDIS_REST_URL */
  url: string
  /** UPSTASH_REDIS_REST_TOKEN */
  token: string
  /** For one round trip. */
  timeoutMs?: number
}

const TIMEOUT_MS = 1_000

export const upstashCommands = (settings: UpstashSettings): SendCommands => {
  const redis = new Redis({
    url: settings.url,
    token: settings.token,
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    // The version in the table is compared with Postgres's; tokens that do not cross processes add nothing.
    readYourWrites: false,
    // Postgres serves meanwhile; a caller's budget is shorter than a second try. (`false` would still repeat once.)
    retry: { retries: 0 },
    // A function, because the client turns a plain aborted signal into an answer instead of an error (1.39.0).
    signal: () => AbortSignal.timeout(settings.timeoutMs ?? TIMEOUT_MS),
  })
  return async (commands) => {
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
          pipeline.eval(command.script, [...command.keys], [...command.args])
          break
      }
    }
    return pipeline.exec<unknown[]>().catch((error: unknown) => {
      throw unavailable(error)
    })
  }
}

/** The client's errors quote the whole command, URLs with their tokens included: only their name goes on. */
const unavailable = (error: unknown): BrokerError =>
  new BrokerError('queue_unavailable', 'Redis did not carry out a command', {
    cause: new Error(error instanceof Error ? error.name : 'unknown error'),
  })
