// The turns of rate-limited webhooks, given out by Redis to all workers together: one script, one round trip. Only for
// webhooks that have a limit. What it keeps is worth nothing after a second or two, and may be lost at any time.

import type { Redis } from 'ioredis'
import type { SharedTurns } from '../../broker/ports.ts'
import { BrokerError } from '../../domain/errors.ts'
import { LEAD_MS, MAX_WAIT_MS, spacingMs } from '../../domain/rate-limit.ts'
import type { QueueNames } from '../names.ts'

/*
 * As `takeTurn` in domain/rate-limit.ts, by Redis's clock. A turn too far away for this limit was left by another limit
 * or another clock, and is forgotten. Also notes which workers ask, so that each knows its share while Redis is away.
 *
 * KEYS: state, workers. ARGV: distance of turns, shortest and longest wait, worker.
 */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local every, lead, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZADD', KEYS[2], now, ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 60000)
redis.call('PEXPIRE', KEYS[2], 60000)
local workers = redis.call('ZCARD', KEYS[2])
local held = redis.call('HMGET', KEYS[1], 'next', 'tail', 'every')
local nextTurn, tail = tonumber(held[1]) or 0, tonumber(held[2]) or 0
if held[3] ~= ARGV[1] or nextTurn > now + 3600000 then nextTurn, tail = math.min(nextTurn, now + every), now end
local kind, at = 'now', math.max(now + lead, nextTurn)
if at - now <= longest then
  nextTurn = at + every
else
  kind, at = 'later', math.max(nextTurn, tail)
  tail = at + every / 1.05
end
redis.call('HSET', KEYS[1], 'next', string.format('%.3f', nextTurn), 'tail', string.format('%.3f', tail), 'every', ARGV[1])
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(tail, nextTurn) - now + every + 60000))
return { kind, string.format('%.3f', at - now), workers }`

const FOR_EVER_MS = 1e12

/** @param redis a connection that fails fast. @param workerId names this process among those that ask */
export const makeSharedTurns = (
  redis: Redis,
  names: QueueNames,
  workerId: string,
): SharedTurns => ({
  take: async (webhookId, limit, claimed) => {
    const [leadMs, longestMs] = claimed ? [0, FOR_EVER_MS] : [LEAD_MS, MAX_WAIT_MS]
    const reply = await redis
      .eval(
        TAKE,
        2,
        names.turns(webhookId),
        names.turnWorkers,
        String(spacingMs(limit)),
        String(leadMs),
        String(longestMs),
        workerId,
      )
      .catch((cause: unknown) => {
        throw new BrokerError('queue_unavailable', 'the queue did not answer', { cause })
      })
    const [kind, waitMs, workers] = Array.isArray(reply) ? reply.map(String) : []
    return {
      turn: { kind: kind === 'now' ? 'now' : 'later', waitMs: Number(waitMs) },
      workers: Number(workers),
    }
  },
})
