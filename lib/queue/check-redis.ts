// What must be true of a Redis before it is used: it may not evict. With any other policy a full Redis drops jobs and
// routing sets without a word (bug reports of several BullMQ users).

import type { Redis } from 'ioredis'
import { BrokerError } from '../domain/errors.ts'

export type Policy = { policy: string } | 'unknown' | 'unreachable'

/** @returns `unknown` when a managed Redis hides its configuration: look it up in its console */
export const readPolicy = async (redis: Redis): Promise<Policy> => {
  let policy: string | undefined
  try {
    const reply = await redis.config('GET', 'maxmemory-policy')
    policy = reply[1]
  } catch (error) {
    // A reply that refuses the command comes from a Redis that is there.
    return error instanceof Error && error.name === 'ReplyError' ? 'unknown' : 'unreachable'
  }
  return policy === undefined ? 'unknown' : { policy }
}

/**
 * @returns `unknown` when a managed Redis hides its configuration; `unreachable` when it does not answer (the broker
 *   starts without it)
 * @throws BrokerError `invalid_request` when the policy is another than noeviction
 */
export const checkRedis = async (redis: Redis): Promise<'ok' | 'unknown' | 'unreachable'> => {
  const read = await readPolicy(redis)
  if (typeof read === 'string') return read
  if (read.policy === 'noeviction') return 'ok'
  throw new BrokerError(
    'invalid_request',
    `Redis has maxmemory-policy ${read.policy}, with which it drops jobs when it is full; set it to noeviction`,
  )
}
