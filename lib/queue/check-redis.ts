// What must be true of a Redis before it is used: it may not evict. With any other policy a full Redis drops jobs and
// routing sets without a word (bug reports of several BullMQ users).

import type { Redis } from 'ioredis'
import { BrokerError } from '../domain/errors.ts'

/**
 * @returns `unknown` when a managed Redis hides its configuration: look it up in its console; `unreachable` when it
 *   does not answer (the broker starts without it)
 * @throws BrokerError `invalid_request` when the policy is another than noeviction
 */
export const checkRedis = async (redis: Redis): Promise<'ok' | 'unknown' | 'unreachable'> => {
  let policy: string | undefined
  try {
    const reply = await redis.config('GET', 'maxmemory-policy')
    policy = reply[1]
  } catch (error) {
    // A reply that refuses the command comes from a Redis that is there.
    return error instanceof Error && error.name === 'ReplyError' ? 'unknown' : 'unreachable'
  }
  if (policy === undefined) return 'unknown'
  if (policy === 'noeviction') return 'ok'
  throw new BrokerError(
    'invalid_request',
    `Redis has maxmemory-policy ${policy}, with which it drops jobs when it is full; set it to noeviction`,
  )
}
