// What the hot path asks of Redis, each for many jobs in one script. They write and read what BullMQ's own scripts do (version
// 6.7: addStandardJob, moveToFinished, moveToActive), without what no delivery has (parents, priorities, deduplication) and
// without the event stream, which nobody reads. BullMQ's scripts build some fifty functions at each call and answer for one
// job: they were 0.1 of the 0.6 ms of CPU of a delivery (docs/decisions/0021-jobs-in-batches.md).

import type { Script } from './script-command.ts'

/**
 * Adds jobs without a delay, except those whose id is held. One that is under way is marked and comes again when it ends: whoever
 * adds it may know more than whoever just ends it. A delivery that a webhook's share had no room for is let go as soon as another one ends, which may be before
 * its own job has ended; without the mark that hand-over was lost, and the sweep brought the delivery a minute later.
 *
 * KEYS: wait, meta, marker. ARGV: what stands before an id in a job's key, name, data, options, now; then the ids.
 */
export const ADD_MANY: Script = {
  name: 'addMany',
  keys: 3,
  lua: `
local added = {}
for i = 6, #ARGV do
  local key = ARGV[1] .. ARGV[i]
  if redis.call('EXISTS', key) == 0 then
    redis.call('HSET', key, 'name', ARGV[2], 'data', ARGV[3], 'opts', ARGV[4], 'timestamp', ARGV[5], 'delay', 0, 'priority', 0)
    added[#added + 1] = ARGV[i]
  elseif redis.call('EXISTS', key .. ':lock') == 1 then
    redis.call('HSET', key, 'again', 1)
  end
end
if #added == 0 then return 0 end
redis.call('LPUSH', KEYS[1], unpack(added))
if redis.call('HEXISTS', KEYS[2], 'paused') == 0 then redis.call('ZADD', KEYS[3], 0, '0') end
return #added`,
}

/**
 * Ends jobs that are done, and gives their slots the next ones. A queue that is paused, or limited for all workers together, is
 * left to BullMQ's own scripts: the answer is then nil. An id without its hash (crash table, row 18)
 * gets one, as BullMQ gives it one: it is attempted like any other, and can be put off.
 *
 * KEYS: wait, active, delayed, stalled, meta, marker. ARGV: what stands before an id in a job's key, now, for how long a lock holds;
 * then for each slot its token, the id of the job that it has done or '', and '1' when it wants another one.
 * Returns '' when more may wait, or when the next delayed job is due ('0' for none) when nothing does; then for each slot the
 * next job's id, 0 for none, or a code of BullMQ's below 0.
 */
export const END_AND_TAKE: Script = {
  name: 'endAndTake',
  keys: 6,
  lua: `
local prefix, now = ARGV[1], tonumber(ARGV[2])
local meta = redis.call('HMGET', KEYS[5], 'paused', 'concurrency', 'max', 'duration')
if meta[1] or meta[2] or meta[3] or meta[4] then return false end

local function finish(id, token)
  local key = prefix .. id
  local held = redis.call('GET', key .. ':lock')
  if held ~= token then
    if held then return -6 end
    return redis.call('EXISTS', key) == 0 and -1 or -2
  end
  if redis.call('LREM', KEYS[2], -1, id) == 0 then return -3 end
  redis.call('SREM', KEYS[4], id)
  if redis.call('HDEL', key, 'again') == 1 then
    redis.call('DEL', key .. ':lock')
    redis.call('LPUSH', KEYS[1], id)
  else
    redis.call('DEL', key, key .. ':lock')
  end
  return 0
end

local function promote()
  local due = redis.call('ZRANGEBYSCORE', KEYS[3], 0, (now + 1) * 0x1000 - 1, 'LIMIT', 0, 1000)
  if #due == 0 then return end
  redis.call('ZREM', KEYS[3], unpack(due))
  for _, id in ipairs(due) do redis.call('HSET', prefix .. id, 'delay', 0) end
  redis.call('LPUSH', KEYS[1], unpack(due))
end

local function take(token)
  local id = redis.call('RPOPLPUSH', KEYS[1], KEYS[2])
  if not id then return nil end
  redis.call('SET', prefix .. id .. ':lock', token, 'PX', ARGV[3])
  redis.call('HSET', prefix .. id, 'processedOn', ARGV[2])
  return id
end

local told, wanting = { '' }, {}
for i = 4, #ARGV, 3 do
  local said = 0
  if ARGV[i + 1] ~= '' then said = finish(ARGV[i + 1], ARGV[i]) end
  told[#told + 1] = said
  if said == 0 and ARGV[i + 2] == '1' then wanting[#wanting + 1] = { #told, ARGV[i] } end
end
if #wanting > 0 then promote() end
for _, slot in ipairs(wanting) do
  local id = take(slot[2])
  if not id then break end
  told[slot[1]] = id
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('ZADD', KEYS[6], 0, '0')
elseif #wanting > 0 then
  local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
  told[1] = first[2] and string.format('%.0f', tonumber(first[2]) / 0x1000) or '0'
end
return told`,
}
